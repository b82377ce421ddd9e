import { openClient } from '../delivery/client/open-client.js';
import { type Deadline, withBudget, withDeadline } from '../delivery/deadline.js';
import { createGroupingKey, type Grouping, groupPath } from '../delivery/grouping-key.js';
import { PushError } from '../delivery/http/push-error.js';
import { collectMetrics } from '../delivery/push/job-metrics.js';
import type { DirectPush } from '../delivery/remote-write/direct-push.js';
import type { ReceiversAccess } from '../delivery/remote-write/receiver/open-receivers.js';
import { UsageError } from '../errors.js';
import type { MetricsSource } from '../exposition/metrics-source.js';
import { silentLog } from '../log.js';
import { hasReceivers, resolveGatewayName } from '../run/run-options.js';
import { batchSettings } from '../settings/batch-settings.js';
import {
  checkOptions,
  describeValue,
  expecting,
  hasMethods,
  isCredentials,
  isGrouping,
  isObject,
  isTexts,
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
  remoteWrite: isTexts,
  remoteWriteFile: textOrFalse(batchSettings.remoteWriteFile),
  env: isObject,
  grouping: isGrouping,
  method: expecting('POST or PUT', (value) => METHODS.includes(value)),
  timeoutMs: millisecondsOf(batchSettings.pushTimeoutMs),
  signal: hasMethods('an AbortSignal', 'addEventListener', 'throwIfAborted'),
};

/**
 * Pushes what a registry holds, without a run around it. Works with anything that has `metrics()`:
 * prom-client's Registry and that of its successor `@prometheus-io/client` alike. With the gateway `none`, and without
 * a receiver of remote write, it pushes nothing.
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
  const gateway = resolveGatewayName(access);
  if (gateway === 'none' && !hasReceivers(access)) return;
  const client = gateway === 'none' ? undefined : await openClient({ ...access, gateway }, silentLog);
  const direct = hasReceivers(access) ? await openDirect(access) : undefined;
  try {
    await withinTime(timeoutMs, signal, async (deadline) => {
      const collecting = { key, reserved: [], accumulate: false, collect: () => source.metrics() };
      const { text: body, problem } = await collectMetrics(collecting, deadline);
      if (problem !== undefined) throw new PushError('OWN_METRICS_REFUSED', problem, { retryable: false });
      const pushes = await Promise.allSettled([
        client?.push({ method, path: groupPath(key), body, compress: true }, { deadline }),
        direct?.push(source, key, body, { deadline }),
      ]);
      for (const each of pushes) if (each.status === 'rejected') throw each.reason;
    });
  } finally {
    client?.close();
    direct?.close();
  }
}

/** Runs `body` with a deadline that is over at once when `signal` aborts. */
async function withinTime(
  timeoutMs: number,
  signal: AbortSignal | undefined,
  body: (deadline: Deadline) => Promise<void>,
): Promise<void> {
  if (!signal) return withDeadline(timeoutMs, body);
  if (signal.aborted) throw abortedError(signal);
  try {
    await withBudget({ totalMs: timeoutMs, afterStopMs: 0, stop: signal }, body);
  } catch (error) {
    throw signal.aborted && error instanceof PushError ? abortedError(signal) : error;
  }
}

/** Whatever was under way when the signal aborted: it was broken off, and failed by nobody's fault. */
function abortedError({ reason }: AbortSignal): PushError {
  return new PushError('PUSH_ABORTED', 'the push was aborted', { retryable: false, cause: reason });
}

/** @throws UsageError for what is wrong with a receiver. */
async function openDirect(access: ReceiversAccess): Promise<DirectPush> {
  const { openDirectPush } = await import('../delivery/remote-write/direct-push.js');
  return openDirectPush(access);
}
