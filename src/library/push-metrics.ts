import { openClient } from '../delivery/client/open-client.js';
import { startDeadline } from '../delivery/deadline.js';
import { createGroupingKey, type Grouping, groupPath } from '../delivery/grouping-key.js';
import { PushError } from '../delivery/http/push-error.js';
import { collectMetrics } from '../delivery/push/job-metrics.js';
import { UsageError } from '../errors.js';
import type { MetricsSource } from '../exposition/metrics-source.js';
import { silentLog } from '../log.js';
import { batchSettings } from '../settings/batch-settings.js';
import {
  checkOptions,
  describeValue,
  expecting,
  hasMethods,
  isCredentials,
  isGrouping,
  isObject,
  millisecondsOf,
  type OptionCheck,
  textOf,
  textOrFalse,
} from './option-check.js';
import { type GatewayOptions, resolveGateway } from './where-to-deliver.js';

export interface PushMetricsOptions extends GatewayOptions {
  readonly job: string;
  readonly grouping?: Readonly<Record<string, string>> | Grouping | undefined;
  /** POST replaces the families that the source names, PUT the whole group. Default: POST. */
  readonly method?: 'POST' | 'PUT' | undefined;
  /** One deadline over all tries, in milliseconds. Default: 15,000. */
  readonly timeoutMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

const METHODS: readonly unknown[] = ['POST', 'PUT'];

const checks: Readonly<Record<keyof PushMetricsOptions, OptionCheck>> = {
  job: textOf(batchSettings.job),
  gateway: textOf(batchSettings.gateway),
  credentials: isCredentials,
  httpConfigFile: textOrFalse(batchSettings.httpConfigFile),
  env: isObject,
  grouping: isGrouping,
  method: expecting('POST or PUT', (value) => METHODS.includes(value)),
  timeoutMs: millisecondsOf(batchSettings.pushTimeoutMs),
  signal: hasMethods('an AbortSignal', 'addEventListener', 'throwIfAborted'),
};

/**
 * Pushes what a registry holds, without a run around it. Works with anything that has `metrics()`:
 * prom-client's Registry and that of its successor `@prometheus-io/client` alike. With the gateway `none` it pushes
 * nothing.
 *
 * @throws UsageError for a malformed option or variable of the environment; PushError when the metrics were not stored.
 */
export async function pushMetrics(source: MetricsSource, options: PushMetricsOptions): Promise<void> {
  if (typeof source?.metrics !== 'function') {
    throw new UsageError(`source: expected a registry with metrics(), got ${describeValue(source)}`);
  }
  checkOptions(options, checks, ['job']);
  const { job, grouping = [], method = 'POST', timeoutMs = 15_000, signal } = options;
  const pairs: Grouping = Array.isArray(grouping) ? grouping : Object.entries(grouping);
  const key = createGroupingKey(job, pairs);
  const access = resolveGateway(options);
  if (access.gateway === 'none') return;
  const client = await openClient(access, silentLog);
  const deadline = startDeadline(timeoutMs);
  try {
    const collecting = { key, reserved: [], accumulate: false, collect: () => source.metrics() };
    const { text: body, problem } = await collectMetrics(collecting, deadline);
    if (problem !== undefined) throw new PushError('OWN_METRICS_REFUSED', problem, { retryable: false });
    await client.push(
      { method, path: groupPath(key), body, compress: true },
      { deadline, ...(signal ? { signal } : {}) },
    );
  } finally {
    deadline.dispose();
    client.close();
  }
}
