import {
  createDelivery,
  type Delivery,
  type DeliveryReport,
  describeTarget,
  worseReport,
} from './delivery/delivery.js';
import { formatKey, type GroupingKey, perRunReason } from './delivery/grouping-key.js';
import { describeThrown } from './errors.js';
import { exitCodeOfRun } from './exit-code.js';
import { BATCH_FAMILY_NAMES, outcomeFamilies, startFamilies } from './job/batch-families.js';
import { executeJob } from './job/execute-job.js';
import type { Job, MetricsSource } from './job/job.js';
import type { RunOutcome } from './job/outcome.js';
import { createPrevious } from './job/previous.js';
import { startStopwatch } from './job/stopwatch.js';
import type { Log } from './log.js';
import { openRunClient, openRunSpool } from './run-client.js';
import { logDelivery, logOutcome } from './run-log.js';
import { type ResolvedRunOptions, type RunOptions, resolveRunOptions } from './run-options.js';

export interface RunResult {
  readonly outcome: RunOutcome;
  readonly delivery: DeliveryReport;
  /** What a process that ran just this job should end with. */
  readonly exitCode: number;
}

/** The end push's budget once the run was told to stop: whoever stops a process soon kills it. */
const PUSH_AFTER_STOP_MS = 3000;
/** How long a job may be kept waiting for what the gateway holds. */
const READ_BASE_MS = 2000;

/**
 * Runs the job once and pushes how it went: the start beside the running job, the outcome and the job's
 * metrics at the end. Resolves however the job and its pushes end, and never exits the process.
 *
 * @throws UsageError when an option is malformed; then nothing was run.
 */
export async function runJob<R extends MetricsSource>(
  job: Job<R>,
  given: RunOptions = {},
): Promise<RunResult> {
  const options = resolveRunOptions(job.name, given);
  const { log, key, signal: stop } = options;
  const client = await openRunClient(options);
  const due = await createDue(options);
  const { guarded, registry } = await openRegistry(job);
  warnOfPerRunLabels(key, log);

  const delivery =
    client &&
    createDelivery({
      client,
      key,
      reserved: BATCH_FAMILY_NAMES,
      collect: () => registry.metrics(),
      replace: options.replace,
      accumulate: options.accumulate,
      spool: await openRunSpool(options, client),
      log,
    });
  const previous = options.accumulate ? await delivery?.readBase(READ_BASE_MS) : undefined;
  const stopwatch = startStopwatch();
  const running = executeJob(guarded, {
    ...options,
    registry,
    previous: previous && createPrevious(previous),
    stopwatch,
    stop,
  });
  const start = startFamilies(stopwatch.startedAtMs);
  if (options.startPush) delivery?.start(start);
  const updates = startUpdates(() => delivery?.update(start), options.pushIntervalMs);

  const outcome = await running;
  clearInterval(updates);
  tell(log, () => options.onEnd(outcome));
  tell(log, () => logOutcome(log, job.name, outcome));
  const dueAtMs = due?.dueAfter(outcome.completedAtMs, outcome.durationSeconds);
  const pushed = delivery
    ? await deliverEnd(delivery, outcome, dueAtMs, options)
    : ({ status: 'none' } as const);
  const filed = await fileRun(outcome, dueAtMs, () => registry.metrics(), options);
  const report = worseReport(pushed, filed);
  delivery?.close();
  const tellAll = options.tellDelivered && !options.dryRun;
  if (report.status !== 'none' && (tellAll || report.status !== 'delivered')) {
    const target = client ? describeTarget({ client, key }) : String(options.textfile);
    logDelivery(log, report, target, options.onPushFailure);
  }
  return { outcome, delivery: report, exitCode: exitCodeOfRun(outcome, report, options.onPushFailure) };
}

/**
 * Whether a run of the job would begin: for those who begin it later.
 *
 * @throws UsageError as `runJob` does.
 */
export async function checkRun(jobName: string, given: RunOptions): Promise<void> {
  const options = resolveRunOptions(jobName, given);
  const client = await openRunClient(options);
  client?.close();
  await createDue(options);
}

function deliverEnd(
  delivery: Delivery,
  outcome: RunOutcome,
  dueAtMs: number | undefined,
  { signal: stop, pushTimeoutMs }: ResolvedRunOptions,
): Promise<DeliveryReport> {
  const stopped = stop.aborted || outcome.status === 'timed_out';
  return delivery.end({
    outcome: (metricsRejected) =>
      outcomeFamilies(outcome, { metricsRejected, ...(dueAtMs === undefined ? {} : { dueAtMs }) }),
    startedAtMs: outcome.startedAtMs,
    succeeded: outcome.status === 'succeeded',
    budget: {
      totalMs: stopped ? Math.min(pushTimeoutMs, PUSH_AFTER_STOP_MS) : pushTimeoutMs,
      afterStopMs: PUSH_AFTER_STOP_MS,
      stop,
    },
  });
}

/** Writes the run for node_exporter, where a folder for that is named. */
async function fileRun(
  outcome: RunOutcome,
  dueAtMs: number | undefined,
  collect: () => string | Promise<string>,
  options: ResolvedRunOptions,
): Promise<DeliveryReport> {
  if (options.textfile === undefined || options.dryRun) return { status: 'none' };
  const { deliverToTextfile } = await import('./delivery/textfile-delivery.js');
  return deliverToTextfile(options.textfile, {
    key: options.key,
    accumulate: options.accumulate,
    reserved: BATCH_FAMILY_NAMES,
    collect,
    outcome: (metricsRejected) =>
      outcomeFamilies(outcome, { metricsRejected, ...(dueAtMs === undefined ? {} : { dueAtMs }) }),
  });
}

/** The cron reader is loaded only by those who say how often the job should succeed. */
async function createDue({ due, expectedInterval, timezone }: ResolvedRunOptions) {
  if (due || expectedInterval === undefined) return due;
  const { createDuePlan } = await import('./schedule/due.js');
  return createDuePlan(expectedInterval, timezone);
}

/**
 * The job with its registry. A registry that cannot be made is a failure of the job, and its outcome is pushed
 * like any other.
 */
async function openRegistry<R extends MetricsSource>(job: Job<R>): Promise<{ guarded: Job<R>; registry: R }> {
  try {
    const registry = job.createRegistry ? job.createRegistry() : await createDefaultRegistry<R>();
    return { guarded: job, registry };
  } catch (error) {
    const none: MetricsSource = { metrics: () => '' };
    return { guarded: { ...job, run: () => Promise.reject(error) }, registry: none as R };
  }
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

/** Nothing that is only told of the run may keep its outcome from the gateway. */
function tell(log: Log, body: () => void): void {
  try {
    body();
  } catch (error) {
    log.warn(`telling of the run failed: ${describeThrown(error)}`, { error });
  }
}

/** The groups that were warned of: a schedule runs the same job again and again. */
const warnedOf = new Set<string>();

function warnOfPerRunLabels(key: GroupingKey, log: Log): void {
  const { grouping } = key;
  if (warnedOf.has(formatKey(key))) return;
  warnedOf.add(formatKey(key));
  for (const [name, value] of grouping) {
    const reason = perRunReason(name, value);
    if (!reason) continue;
    log.warn(`${reason}: every run makes a new group, and the Pushgateway never expires groups`, {
      hint: 'group by what stays the same from run to run, such as host or shard',
    });
    return;
  }
}
