import type { Deadline } from '../delivery/deadline.js';
import { createDelivery, type Delivery, type TargetReport, worstReport } from '../delivery/delivery.js';
import { formatKey, type GroupingKey, perRunReason } from '../delivery/grouping-key.js';
import { type CollectOptions, collectJobMetrics } from '../delivery/push/job-metrics.js';
import { EXIT, exitCodeOfSignal } from '../exit-codes.js';
import type { MetricsSource } from '../exposition/metrics-source.js';
import { type AnyJob, isCommand } from '../job/any-job.js';
import type { DuePlan } from '../job/due.js';
import { createExecution, type JobExecution } from '../job/execute-job.js';
import { openRegistry } from '../job/open-registry.js';
import { createPrevious } from '../job/previous.js';
import { startStopwatch } from '../job/stopwatch.js';
import type { Log } from '../log.js';
import { BATCH_FAMILY_NAMES, loneOutcomeFamilies, outcomeFamilies } from '../outcome/batch-metrics.js';
import { JobFailed, type RunEnd, type RunOutcome } from '../outcome/outcome.js';
import type { AbandonCause, GuardedRun, RunPhase } from '../process/host.js';
import { exitCodeOfRun } from './exit-code.js';
import { notify } from './notify.js';
import { openBacklog } from './open-backlog.js';
import { openTargets } from './open-targets.js';
import { logDelivery, logOutcome } from './run-log.js';
import { type ResolvedRunOptions, type RunOptions, resolveRunOptions } from './run-options.js';
import type { RunResult } from './run-result.js';
import { pushStart } from './start-push.js';

/** The end push's budget once the run was told to stop: whoever stops a process soon kills it. */
export const PUSH_AFTER_STOP_MS = 3000;

/** A run that was started. */
export interface StartedRun extends GuardedRun {
  /** As `runJob` has it. */
  readonly result: Promise<RunResult>;
}

/** Starts a run as `runJob` does, for a process that may have to end before the run does. */
export function startRun<R extends MetricsSource>(job: AnyJob<R>, given: RunOptions): StartedRun {
  let phase: RunPhase = 'job';
  /** What can be abandoned: nothing before the job has begun. */
  let begun: { readonly execution: JobExecution; readonly conclude: Conclude } | undefined;
  let outcome: RunOutcome | undefined;
  let exitCode: number | undefined;

  const run = async (): Promise<RunResult> => {
    const options = resolveRunOptions(job.name, given);
    const due = await createDue(options);
    let registry: MetricsSource = { metrics: () => '' };
    const collecting: CollectOptions = {
      key: options.key,
      accumulate: options.delivery.accumulate,
      reserved: BATCH_FAMILY_NAMES,
      collect: () => registry.metrics(),
    };
    const collect = (deadline: Deadline) => collectJobMetrics(collecting, deadline);
    const targets = await openTargets(options, collect);
    const tellBacklog = await openBacklog(options.delivery, options.log);
    const opened = await openRegistryOrFail(job);
    registry = opened.registry;
    warnOfPerRunLabels(options.key, options.log);

    const delivery = createDelivery({ targets, collect, log: options.log });
    // A command has no use for what its target holds.
    const previous = isCommand(job) ? undefined : await delivery.prepare(options.job.stop);
    const stopwatch = startStopwatch();
    const execution = createExecution(opened.guarded, {
      settings: options.job,
      registry: opened.registry,
      previous: previous && createPrevious(previous),
      stopwatch,
    });
    const conclude = createConclusion(job.name, { delivery, tellBacklog }, due, options);
    begun = { execution, conclude };
    const running = execution.start();
    const stopUpdates = pushStart(delivery, stopwatch.startedAtMs, options);

    outcome = await running;
    stopUpdates();
    phase = 'delivering';
    conclude.said(outcome);
    const result = conclude.result(outcome, await conclude.deliver(outcome));
    exitCode = result.exitCode;
    phase = 'over';
    delivery.close();
    return result;
  };

  return {
    result: run(),
    phase: () => phase,
    abandon(cause) {
      const end = endBy(cause);
      if (!begun) return end.exitCode;
      if (exitCode !== undefined) return exitCode;
      const { execution, conclude } = begun;
      if (!outcome) {
        outcome = execution.abandon(end);
        conclude.said(outcome);
      }
      return conclude.result(outcome, conclude.abandon(outcome)).exitCode;
    },
  };
}

/** What follows a job's end. */
interface Conclude {
  /** Says how the job ended. */
  said(outcome: RunOutcome): void;
  deliver(outcome: RunOutcome): Promise<readonly TargetReport[]>;
  abandon(outcome: RunOutcome): readonly TargetReport[];
  /** Says what became of the outcome. */
  result(outcome: RunOutcome, reports: readonly TargetReport[]): RunResult;
}

function createConclusion(
  name: string,
  { delivery, tellBacklog }: { readonly delivery: Delivery; readonly tellBacklog: () => void },
  due: DuePlan | undefined,
  options: ResolvedRunOptions,
): Conclude {
  const { log, pushes, logDelivered: logAll } = options;
  const { stop } = options.job;
  const { onPushFailure, dryRun } = options.delivery;
  const endOf = (outcome: RunOutcome) => {
    const dueAtMs = dueAfter(due, outcome, log);
    const facts = dueAtMs === undefined ? {} : { dueAtMs };
    return {
      outcome: (metricsRejected: boolean) => outcomeFamilies(outcome, { metricsRejected, ...facts }),
      loneOutcome: (metricsRejected: boolean) => loneOutcomeFamilies(outcome, { metricsRejected, ...facts }),
      startedAtMs: outcome.startedAtMs,
      completedAtMs: outcome.completedAtMs,
      succeeded: outcome.status === 'succeeded',
    };
  };
  return {
    said(outcome) {
      notify(log, () => options.onEnd(outcome));
      notify(log, () => logOutcome(log, name, outcome));
    },
    async deliver(outcome) {
      const { timeoutMs } = pushes;
      const stopped = outcome.status === 'timed_out';
      const reports = await delivery.end(endOf(outcome), {
        totalMs: stopped ? Math.min(timeoutMs, PUSH_AFTER_STOP_MS) : timeoutMs,
        afterStopMs: PUSH_AFTER_STOP_MS,
        stop,
      });
      tellBacklog();
      return reports;
    },
    abandon(outcome) {
      const reports = delivery.abandon(endOf(outcome));
      tellBacklog();
      return reports;
    },
    result(outcome, reports) {
      for (const told of reports) {
        if (told.report.status === 'delivered' && (!logAll || dryRun)) continue;
        logDelivery(log, { name, outcome, ...options }, told);
      }
      const worst = worstReport(reports);
      return { outcome, delivery: worst, exitCode: exitCodeOfRun(outcome, worst, onPushFailure) };
    },
  };
}

/** How a run ends whose process ends now. An exit with 0 before the job has settled is no success. */
function endBy(cause: AbandonCause): RunEnd & { readonly exitCode: number } {
  if ('signal' in cause) {
    return { status: 'interrupted', signal: cause.signal, exitCode: exitCodeOfSignal(cause.signal) };
  }
  // What the system makes of it: the lowest eight bits.
  const exitCode = cause.exitCode & 255 || EXIT.failed;
  const error = new JobFailed(`the job called process.exit(${cause.exitCode})`, { exitCode });
  return { status: 'failed', error, exitCode };
}

/**
 * Whether a run of the job would begin: for those who begin it later.
 *
 * @throws UsageError as `runJob` does.
 */
export async function checkRun(jobName: string, given: RunOptions): Promise<void> {
  const options = resolveRunOptions(jobName, given);
  const targets = await openTargets(options, async () => ({ text: '' }));
  for (const target of targets) target.close();
  await createDue(options);
}

function dueAfter(due: DuePlan | undefined, outcome: RunOutcome, log: Log): number | undefined {
  let dueAtMs: number | undefined;
  notify(log, () => {
    dueAtMs = due?.dueAfter(outcome.completedAtMs, outcome.durationSeconds);
  });
  return dueAtMs;
}

/** The cron reader is loaded only by those who say how often the job should succeed. */
async function createDue({ schedule: { due, expectedInterval, timezone } }: ResolvedRunOptions) {
  if (due || expectedInterval === undefined) return due;
  const { createDuePlan } = await import('../job/due.js');
  return createDuePlan(expectedInterval, timezone);
}

/**
 * The job with its registry. A registry that cannot be made is a failure of the job, and its outcome is pushed
 * like any other.
 */
async function openRegistryOrFail<R extends MetricsSource>(
  job: AnyJob<R>,
): Promise<{ guarded: AnyJob<R>; registry: R }> {
  try {
    return { guarded: job, registry: await openRegistry(job) };
  } catch (error) {
    const none: MetricsSource = { metrics: () => '' };
    return { guarded: { ...job, run: () => Promise.reject(error) } as AnyJob<R>, registry: none as R };
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
      event: 'group_per_run',
      hint: 'group by what stays the same from run to run, such as host or shard',
    });
    return;
  }
}
