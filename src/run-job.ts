import { startDeadline } from './delivery/deadline.js';
import { createDelivery, type Delivery, type DeliveryReport, describeTarget } from './delivery/delivery.js';
import { parseGatewayAddress } from './delivery/gateway-address.js';
import { createGroupingKey, type Grouping, type GroupingKey, perRunReason } from './delivery/grouping-key.js';
import { createPushClient, type Pusher } from './delivery/push-client.js';
import { PushError } from './delivery/push-error.js';
import { UsageError } from './errors.js';
import { exitCodeOfRun } from './exit-code.js';
import { BATCH_FAMILY_NAMES, outcomeFamilies, startFamilies } from './job/batch-families.js';
import { executeJob } from './job/execute-job.js';
import type { Job, MetricsSource } from './job/job.js';
import type { RunOutcome } from './job/outcome.js';
import { startStopwatch } from './job/stopwatch.js';
import { type Log, silentLog } from './log.js';
import { logDelivery, logOutcome } from './run-log.js';

/** How a run is delivered and bounded. Every time is in milliseconds. */
export interface RunOptions {
  /** The Pushgateway: `host:port`, an http(s) URL, or `none`. Default: `http://localhost:9091`. */
  readonly gateway?: string;
  /** The grouping label `job`. Default: the job's name. */
  readonly job?: string;
  /** Further grouping labels, as an object or as pairs. */
  readonly grouping?: Readonly<Record<string, string>> | Grouping;
  /** The final push of a success replaces the whole group (PUT). Default: false. */
  readonly replace?: boolean;
  /** One deadline over all tries of the end push. Default: 15,000; after a stop at most 3,000. */
  readonly pushTimeoutMs?: number;
  /** Whether a push failure counts in the exit code. Default: `fail`. */
  readonly onPushFailure?: 'fail' | 'warn';
  /** The job's deadline. Default: 0, which is none. */
  readonly timeoutMs?: number;
  /** What the job gets to end after it was asked to stop. Default: 5,000. */
  readonly graceMs?: number;
  /** How often the job should succeed: a duration such as `1h`, or a cron expression. */
  readonly expectedInterval?: string;
  /** The IANA time zone of a cron expression. Default: the system's. */
  readonly timezone?: string;
  /** Push when the run begins. Default: true. */
  readonly startPush?: boolean;
  /** Push the job's metrics while it runs, every so often. Default: 0, which is never. */
  readonly pushIntervalMs?: number;
  /** Shows what would be pushed instead of pushing it. */
  readonly dryRun?: (text: string) => void;
  /** Stops the run when it aborts. */
  readonly signal?: AbortSignal;
  /** Default: a log that says nothing. */
  readonly log?: Log;
  /** Told of the job's progress. */
  readonly onProgress?: (done: number, total: number | undefined) => void;
  /** Told when the job has ended, before its outcome is pushed. */
  readonly onEnd?: (outcome: RunOutcome) => void;
}

export interface RunResult {
  readonly outcome: RunOutcome;
  readonly delivery: DeliveryReport;
  /** What a process that ran just this job should end with. */
  readonly exitCode: number;
}

/** The end push's budget once the run was told to stop: whoever stops a process soon kills it. */
const PUSH_AFTER_STOP_MS = 3000;

/**
 * Runs the job once and pushes how it went: the start beside the running job, the outcome and the job's
 * metrics at the end. Resolves however the job and its pushes end, and never exits the process.
 *
 * @throws UsageError when an option is malformed; then nothing was run.
 */
export async function runJob<R extends MetricsSource>(
  job: Job<R>,
  options: RunOptions = {},
): Promise<RunResult> {
  const { log = silentLog, signal: stop = new AbortController().signal, onPushFailure = 'fail' } = options;
  const key = createGroupingKey(options.job ?? job.name, toPairs(options.grouping ?? []));
  const pusher = await createPusher(options);
  const due = await createDue(options);
  const registry = job.createRegistry ? job.createRegistry() : await createDefaultRegistry<R>();
  warnOfPerRunLabels(key, log);

  const delivery =
    pusher &&
    createDelivery({
      pusher,
      key,
      reserved: BATCH_FAMILY_NAMES,
      collect: () => registry.metrics(),
      replace: options.replace ?? false,
      log,
    });
  const stopwatch = startStopwatch();
  const running = executeJob(job, {
    registry,
    stopwatch,
    stop,
    timeoutMs: options.timeoutMs ?? 0,
    graceMs: options.graceMs ?? 5000,
    log,
    onProgress: options.onProgress ?? (() => {}),
  });
  const start = startFamilies(stopwatch.startedAtMs);
  if (options.startPush ?? true) delivery?.start(start);
  const updates = startUpdates(() => delivery?.update(start), options.pushIntervalMs ?? 0);

  const outcome = await running;
  clearInterval(updates);
  options.onEnd?.(outcome);
  logOutcome(log, job.name, outcome);
  const dueAtMs = due?.dueAfter(outcome.completedAtMs, outcome.durationSeconds);
  const report = delivery
    ? await deliverEnd(delivery, outcome, dueAtMs, options, stop)
    : ({ status: 'none' } as const);
  delivery?.close();
  if (pusher && !options.dryRun) logDelivery(log, report, describeTarget({ pusher, key }), onPushFailure);
  return { outcome, delivery: report, exitCode: exitCodeOfRun(outcome, report, onPushFailure) };
}

async function deliverEnd(
  delivery: Delivery,
  outcome: RunOutcome,
  dueAtMs: number | undefined,
  options: RunOptions,
  stop: AbortSignal,
): Promise<DeliveryReport> {
  const stopped = stop.aborted || outcome.status === 'timed_out';
  const budgetMs = options.pushTimeoutMs ?? 15_000;
  const deadline = startDeadline(stopped ? Math.min(budgetMs, PUSH_AFTER_STOP_MS) : budgetMs);
  const onStop = (): void => deadline.shorten(PUSH_AFTER_STOP_MS);
  stop.addEventListener('abort', onStop, { once: true });
  try {
    return await delivery.end({
      outcome: (metricsRejected) =>
        outcomeFamilies(outcome, { metricsRejected, ...(dueAtMs === undefined ? {} : { dueAtMs }) }),
      succeeded: outcome.status === 'succeeded',
      deadline,
    });
  } finally {
    stop.removeEventListener('abort', onStop);
    deadline.dispose();
  }
}

/** `undefined` without a gateway. A broken address keeps a run that only warns of push failures from nothing. */
async function createPusher(options: RunOptions): Promise<Pusher | undefined> {
  const gateway = options.gateway ?? 'http://localhost:9091';
  if (gateway === 'none' && !options.dryRun) return undefined;
  try {
    const address = parseGatewayAddress(gateway === 'none' ? 'localhost:9091' : gateway);
    if (!options.dryRun) return createPushClient(address);
    const { createDryRun } = await import('./delivery/dry-run.js');
    return createDryRun(address, options.dryRun);
  } catch (error) {
    if (!(error instanceof UsageError) || options.onPushFailure !== 'warn') throw error;
    const { message, hint } = error;
    const failure = () =>
      new PushError('GATEWAY_ADDRESS', message, { retryable: false, ...(hint ? { hint } : {}) });
    return { target: 'no gateway', close() {}, push: () => Promise.reject(failure()) };
  }
}

function toPairs(grouping: Readonly<Record<string, string>> | Grouping): Grouping {
  return Array.isArray(grouping) ? grouping : Object.entries(grouping);
}

/** The cron reader is loaded only by those who say how often the job should succeed. */
async function createDue({ expectedInterval, timezone }: RunOptions) {
  if (expectedInterval === undefined) return undefined;
  const { createDuePlan } = await import('./schedule/due.js');
  return createDuePlan(expectedInterval, timezone);
}

/** prom-client is most of what a short process costs to start, so only a job that records with it loads it. */
async function createDefaultRegistry<R extends MetricsSource>(): Promise<R> {
  const { Registry } = await import('prom-client');
  // A job without createRegistry is a Job<Registry>: R is the default of its type parameter.
  return new Registry() as MetricsSource as R;
}

function startUpdates(update: () => void, intervalMs: number): NodeJS.Timeout | undefined {
  return intervalMs > 0 ? setInterval(update, intervalMs).unref() : undefined;
}

function warnOfPerRunLabels({ grouping }: GroupingKey, log: Log): void {
  for (const [name, value] of grouping) {
    const reason = perRunReason(name, value);
    if (!reason) continue;
    log.warn(`${reason}: every run makes a new group, and the Pushgateway never expires groups`, {
      hint: 'group by what stays the same from run to run, such as host or shard',
    });
    return;
  }
}
