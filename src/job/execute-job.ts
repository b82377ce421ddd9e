import { formatDuration } from '../duration.js';
import { describeThrown } from '../errors.js';
import { EXIT, exitCodeOfSignal } from '../exit-codes.js';
import type { MetricsSource } from '../exposition/metrics-source.js';
import { type Log, withFields } from '../log.js';
import { askedExitCode, JobFailed, type RunEnd, type RunOutcome } from '../outcome/outcome.js';
import {
  type AnyJob,
  type CommandContext,
  type CommandExit,
  type CommandResult,
  isCommand,
} from './any-job.js';
import type { PreviousMetrics } from './previous.js';
import { DeadlinePassed, JobCrashed, StoppedBySignal } from './stop-reason.js';
import type { Stopwatch, StopwatchReading } from './stopwatch.js';

export interface ExecutionOptions<R extends MetricsSource> {
  readonly registry: R;
  readonly previous: PreviousMetrics | undefined;
  readonly stopwatch: Stopwatch;
  readonly settings: ExecutionSettings;
}

export interface ExecutionSettings {
  /** Aborts to stop the run; the reason says why (StoppedBySignal, JobCrashed, or anything else). */
  readonly stop: AbortSignal;
  /** The job's deadline in milliseconds; 0 is none. */
  readonly timeoutMs: number;
  /** What the job gets to end after it was asked to stop, in milliseconds. */
  readonly graceMs: number;
  readonly log: Log;
  readonly onProgress: (done: number, total: number | undefined) => void;
}

/** How long a job that is being ended after its grace may take for it. */
const END_MS = 1000;

/** What a job returned; of a job in code, TypeScript promises what JavaScript does not. */
interface Returned extends Omit<CommandResult, 'recordsProcessed'> {
  readonly recordsProcessed?: unknown;
}

type Settled = { readonly result: Returned } | { readonly error: unknown };

/** One execution of a job. */
export interface JobExecution {
  /** Begins the job; resolves with how it ended, and never rejects. */
  start(): Promise<RunOutcome>;
  /**
   * Ends the job as it stands, for a process that ends now: returns its outcome at once. What the job does after it
   * counts for nothing.
   */
  abandon(end: RunEnd): RunOutcome;
}

/**
 * Runs the job to its end and says how it ended. The first cause wins: a job that was asked to stop counts as
 * stopped even if it then returns, since it cannot be told whether its work was done. A job that does not end
 * within the grace period is left behind.
 */
export function createExecution<R extends MetricsSource>(
  job: AnyJob<R>,
  options: ExecutionOptions<R>,
): JobExecution {
  const { stopwatch, settings } = options;
  const { log } = settings;
  const stop = createStop(settings);
  let progressed: number | undefined;
  let reading: StopwatchReading | undefined;
  let ended = false;

  const context: CommandContext<R> = {
    registry: options.registry,
    signal: stop.signal,
    stage: stopwatch.stage,
    ...(options.previous ? { previous: options.previous } : {}),
    log: withFields(log, { event: 'job_log' }),
    progress(done, total) {
      if (ended) return;
      if (!isCount(done))
        return log.warn(`progress: expected a count of records, got ${describeThrown(done)}`, {
          event: 'job_report_ignored',
        });
      progressed = done;
      settings.onProgress(done, isCount(total) ? total : undefined);
    },
    onGraceOver: stop.onGraceOver,
    workDone() {
      reading ??= stopwatch.read();
    },
  };

  const conclude = (
    end: RunEnd,
    { exit, recordsProcessed: reported, metricsRejected }: Returned,
  ): RunOutcome => {
    const recordsProcessed = isCount(reported) ? reported : progressed;
    return {
      ...end,
      ...(reading ?? stopwatch.read()),
      exitCode: exitCodeOf(end, exit),
      ...(recordsProcessed === undefined ? {} : { recordsProcessed }),
      ...(metricsRejected ? { metricsRejected: true } : {}),
    };
  };

  const start = async (): Promise<RunOutcome> => {
    const body = settle(() => job.run(context), isCommand(job));
    const settled = await Promise.race([body, stop.abandoned]);
    stop.dispose();
    ended = true;

    if (!settled && !(stop.signal.reason instanceof JobCrashed)) {
      log.warn(`${job.name} did not end within its grace period of ${formatDuration(settings.graceMs)}`, {
        event: 'job_grace_over',
      });
    }
    const result: Returned = settled && 'result' in settled ? settled.result : {};
    const { recordsProcessed: reported } = result;
    if (reported !== undefined && !isCount(reported)) {
      log.warn(
        `recordsProcessed: expected a count of records, got ${describeThrown(reported)}; it is not pushed`,
        { event: 'job_report_ignored' },
      );
    }
    return conclude(judge(stop.signal, settled, result.exit), result);
  };

  return {
    start,
    abandon(end) {
      ended = true;
      return conclude(end, {});
    },
  };
}

/** The job's own view of being stopped: its signal, and a promise that resolves when it is given up. */
function createStop(options: { stop: AbortSignal; timeoutMs: number; graceMs: number }) {
  const controller = new AbortController();
  const timers: NodeJS.Timeout[] = [];
  let giveUp: () => void;
  let endJob: (() => void) | undefined;
  const abandoned = new Promise<undefined>((resolve) => {
    giveUp = () => resolve(undefined);
  });
  const ask = (reason: unknown): void => {
    if (controller.signal.aborted) return;
    controller.abort(reason);
    if (reason instanceof JobCrashed) giveUp();
    else timers.push(setTimeout(onGraceOver, graceOf(reason, options.graceMs)));
  };
  const onGraceOver = (): void => {
    if (endJob) {
      timers.push(setTimeout(giveUp, END_MS));
      endJob();
    } else giveUp();
  };
  const onStop = (): void => {
    ask(options.stop.reason);
    if (options.stop.reason instanceof JobCrashed) giveUp();
  };
  if (options.stop.aborted) onStop();
  else options.stop.addEventListener('abort', onStop, { once: true });
  if (options.timeoutMs > 0) {
    timers.push(setTimeout(() => ask(new DeadlinePassed(options.timeoutMs)), options.timeoutMs));
  }
  return {
    signal: controller.signal,
    abandoned,
    onGraceOver(end: () => void): void {
      endJob = end;
    },
    dispose(): void {
      options.stop.removeEventListener('abort', onStop);
      for (const timer of timers) clearTimeout(timer);
    },
  };
}

function graceOf(reason: unknown, graceMs: number): number {
  return reason instanceof StoppedBySignal ? (reason.graceMs ?? graceMs) : graceMs;
}

async function settle(run: () => unknown, command: boolean): Promise<Settled> {
  try {
    // Read here, where a getter that throws is the job's failure.
    const result = ((await run()) ?? {}) as CommandResult;
    const { recordsProcessed } = result;
    return { result: command ? result : { recordsProcessed } };
  } catch (error) {
    return { error };
  }
}

function judge(signal: AbortSignal, settled: Settled | undefined, exit: CommandExit | undefined): RunEnd {
  if (signal.aborted) {
    const reason: unknown = signal.reason;
    if (reason instanceof JobCrashed) return { status: 'failed', error: reason.reason };
    if (reason instanceof DeadlinePassed) return { status: 'timed_out', timeoutMs: reason.timeoutMs };
    if (reason instanceof StoppedBySignal) return { status: 'interrupted', signal: reason.signal };
    return { status: 'interrupted' };
  }
  if (settled && 'error' in settled) return { status: 'failed', error: settled.error };
  if (exit && exit.code !== 0)
    return { status: 'failed', error: new JobFailed(exit.reason, { exitCode: exit.code }) };
  return { status: 'succeeded' };
}

/** The exit code of the job itself, as the design's table has it. */
function exitCodeOf(end: RunEnd, exit: CommandExit | undefined): number {
  switch (end.status) {
    case 'succeeded':
      return 0;
    case 'failed':
      return askedExitCode(end.error) ?? EXIT.failed;
    case 'timed_out':
      return EXIT.timedOut;
    case 'interrupted':
      return exit?.code ?? (end.signal === undefined ? EXIT.failed : exitCodeOfSignal(end.signal));
  }
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value) && value >= 0;
}
