import type { MetricsSource } from '../exposition/metrics-source.js';
import { inTextFormat } from '../exposition/open-metrics.js';
import { createGatewayClient } from './client/gateway-client.js';
import { startDeadline } from './deadline.js';
import { createGroupingKey, groupPath } from './grouping-key.js';
import { parseGatewayAddress } from './http/gateway-address.js';
import { PushError } from './http/push-error.js';
import { findMetricsProblem } from './push/metrics-problem.js';

export interface PushMetricsOptions {
  /** Default: `http://localhost:9091`. */
  readonly gateway?: string;
  readonly job: string;
  readonly grouping?: Readonly<Record<string, string>>;
  /** POST replaces the families that the source names, PUT the whole group. Default: POST. */
  readonly method?: 'POST' | 'PUT';
  /** One deadline over all tries, in milliseconds. Default: 15,000. */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
}

/**
 * Pushes what a registry holds, without a run around it. Works with anything that has `metrics()`:
 * prom-client's Registry and that of its successor `@prometheus-io/client` alike.
 *
 * @throws UsageError for a malformed option; PushError when the metrics were not stored.
 */
export async function pushMetrics(source: MetricsSource, options: PushMetricsOptions): Promise<void> {
  const key = createGroupingKey(options.job, Object.entries(options.grouping ?? {}));
  const client = createGatewayClient(parseGatewayAddress(options.gateway ?? 'http://localhost:9091'));
  const deadline = startDeadline(options.timeoutMs ?? 15_000);
  try {
    const body = inTextFormat(await source.metrics());
    const problem = findMetricsProblem(body, { key, reserved: [] });
    if (problem) throw new PushError('OWN_METRICS_REFUSED', problem, { retryable: false });
    await client.push(
      { method: options.method ?? 'POST', path: groupPath(key), body, compress: true },
      { deadline, ...(options.signal ? { signal: options.signal } : {}) },
    );
  } finally {
    deadline.dispose();
    client.close();
  }
}
