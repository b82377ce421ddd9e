import { formatDuration } from '../duration.js';
import { describeThrown } from '../errors.js';
import type { Log } from '../log.js';
import type { Job, JobExit, MetricsSource } from './job.js';
import { askedExitCode, JobFailed, type RunEnd, type RunOutcome } from './outcome.js';
import type { PreviousMetrics } from './previous.js';
import { signalNumber } from './signal-number.js';
import { DeadlinePassed, JobCrashed, StoppedBySignal } from './stop-reason.js';
import type { Stopwatch, StopwatchReading } from './stopwatch.js';

export interface ExecutionOptions<R extends MetricsSource> {
  readonly registry: R;
  readonly previous: PreviousMetrics | undefined;
  readonly stopwatch: Stopwatch;
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

/** What a job returned, which TypeScript promises and JavaScript does not. */
interface Returned {
  readonly recordsProcessed?: unknown;
  readonly exit?: JobExit | undefined;
  readonly metricsRejected?: boolean;
}

type Settled = { readonly result: Returned } | { readonly error: unknown };

/**
 * Runs the job to its end and says how it ended. It never rejects. The first cause wins: a job that was asked
 * to stop counts as stopped even if it then returns, since it cannot be told whether its work was done.
 * A job that does not end within the grace period is left behind.
 */
export async function executeJob<R extends MetricsSource>(
  job: Job<R>,
  options: ExecutionOptions<R>,
): Promise<RunOutcome> {
  const { stopwatch, log } = options;
  const stop = createStop(options);
  let progressed: number | undefined;
  let reading: StopwatchReading | undefined;
  let ended = false;

  const body = settle(() =>
    job.run({
      registry: options.registry,
      signal: stop.signal,
      stage: stopwatch.stage,
      ...(options.previous ? { previous: options.previous } : {}),
      log,
      onGraceOver: stop.onGraceOver,
      workDone() {
        reading ??= stopwatch.read();
      },
      progress(done, total) {
        if (ended) return;
        if (!isCount(done))
          return log.warn(`progress: expected a count of records, got ${describeThrown(done)}`);
        progressed = done;
        options.onProgress(done, isCount(total) ? total : undefined);
      },
    }),
  );
  const settled = await Promise.race([body, stop.abandoned]);
  stop.dispose();
  ended = true;

  if (!settled && !(stop.signal.reason instanceof JobCrashed)) {
    log.warn(`${job.name} did not end within its grace period of ${formatDuration(options.graceMs)}`);
  }
  const result: Returned = settled && 'result' in settled ? settled.result : {};
  const { exit, recordsProcessed: reported } = result;
  const end = judge(stop.signal, settled, exit);
  if (reported !== undefined && !isCount(reported)) {
    log.warn(
      `recordsProcessed: expected a count of records, got ${describeThrown(reported)}; it is not pushed`,
    );
  }
  const recordsProcessed = isCount(reported) ? reported : progressed;
  return {
    ...end,
    ...(reading ?? stopwatch.read()),
    exitCode: exitCodeOf(end, exit),
    ...(recordsProcessed === undefined ? {} : { recordsProcessed }),
    ...(result.metricsRejected ? { metricsRejected: true } : {}),
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

async function settle(run: () => ReturnType<Job<MetricsSource>['run']>): Promise<Settled> {
  try {
    // Read here, where a getter that throws is the job's failure.
    const { recordsProcessed, exit, metricsRejected } = (await run()) ?? {};
    return { result: { recordsProcessed, exit: toExit(exit), metricsRejected: metricsRejected === true } };
  } catch (error) {
    return { error };
  }
}

function judge(signal: AbortSignal, settled: Settled | undefined, exit: JobExit | undefined): RunEnd {
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
function exitCodeOf(end: RunEnd, exit: JobExit | undefined): number {
  switch (end.status) {
    case 'succeeded':
      return 0;
    case 'failed':
      return askedExitCode(end.error) ?? 1;
    case 'timed_out':
      return 124;
    case 'interrupted':
      return exit?.code ?? (end.signal === undefined ? 1 : 128 + signalNumber(end.signal));
  }
}

function toExit(value: unknown): JobExit | undefined {
  const { code, reason } = (value ?? {}) as Partial<JobExit>;
  if (code === undefined || !Number.isInteger(code) || code < 0 || code > 255) return undefined;
  return typeof reason === 'string' ? { code, reason } : undefined;
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value) && value >= 0;
}
