import { formatDuration } from './duration.js';
import { describeThrown } from './errors.js';
import { isPushFailure } from './exit-code.js';
import type { RunOutcome } from './job/outcome.js';
import { StoppedBySignal } from './job/stop-reason.js';
import type { Log } from './log.js';
import type { RunResult } from './run-job.js';
import { type CronTicks, startCronTicks } from './schedule/cron-ticks.js';
import type { DuePlan } from './schedule/due.js';
import { decideTick, isDone } from './schedule/tick.js';

export interface SchedulerOptions {
  readonly expression: string;
  readonly timezone: string | undefined;
  /** Ends the schedule after so many runs; `undefined` never. */
  readonly maxRuns: number | undefined;
  /** Each run begins up to so much later, in milliseconds, so that many schedules do not begin as one. */
  readonly jitterMs: number;
  readonly runOnStart: boolean;
  /** What a run that is under way gets to end by itself once the schedule is told to stop, in milliseconds. */
  readonly graceMs: number;
  /** One run from start to end; it stops when `stop` aborts, and rejects only with what is a bug. */
  readonly run: (stop: AbortSignal, due: DuePlan) => Promise<RunResult>;
  readonly log: Log;
}

/** What a scheduler has seen so far; times in milliseconds since the epoch. */
export interface SchedulerState {
  readonly runs: Readonly<Record<RunOutcome['status'], number>>;
  readonly skipped: number;
  readonly missed: number;
  readonly pushFailures: number;
  readonly running: boolean;
  readonly stopping: boolean;
  readonly nextTickMs: number | undefined;
  readonly lastDeliveryMs: number | undefined;
}

export interface SchedulerEnd {
  /** How many runs did not succeed. */
  readonly failed: number;
  readonly pushFailures: number;
  /** The signal that asked to end, and whether a run had to be stopped for it. */
  readonly signal?: string;
  readonly aborted: boolean;
}

export interface Scheduler {
  state(): SchedulerState;
  /** No new runs; the one under way gets the grace period to end, and is then stopped. */
  stop(signal: string): void;
  /** Stops the run under way, and that alone. */
  abortRun(reason: Error): void;
  /** Resolves when the last run has ended and no other will begin. */
  readonly ended: Promise<SchedulerEnd>;
}

/** What a run that is stopped at the end of the grace period gets to end. */
const ABORT_MS = 1000;

/** Runs again and again, never two runs at once. */
export function startScheduler(options: SchedulerOptions): Scheduler {
  const { expression, timezone, maxRuns, log } = options;
  const runs = { succeeded: 0, failed: 0, timed_out: 0, interrupted: 0 };
  const counts = { skipped: 0, missed: 0, pushFailures: 0, started: 0 };
  let lastTickMs: number | undefined;
  let nextTickMs: number | undefined;
  let lastDeliveryMs: number | undefined;
  let signal: string | undefined;
  let aborted = false;
  let waiting: NodeJS.Timeout | undefined;
  let graceTimer: NodeJS.Timeout | undefined;
  let current: AbortController | undefined;
  let finish: (end: SchedulerEnd) => void;
  const ended = new Promise<SchedulerEnd>((resolve) => {
    finish = resolve;
  });

  const planned = (): Date | undefined => {
    try {
      return ticks.next(1)[0];
    } catch {
      return undefined;
    }
  };
  const due: DuePlan = {
    // What the ticks themselves are: a plan of its own would differ where clocks change.
    dueAfter: (_, durationSeconds) => {
      const second = ticks.next(2)[1];
      return second && second.getTime() + options.jitterMs + Math.round(durationSeconds * 1000);
    },
  };

  const endIfDone = (): void => {
    if (current || waiting || !(signal !== undefined || isDone(counts, maxRuns))) return;
    ticks.stop();
    clearTimeout(graceTimer);
    nextTickMs = undefined;
    const { failed, timed_out, interrupted } = runs;
    finish({
      failed: failed + timed_out + interrupted,
      pushFailures: counts.pushFailures,
      aborted,
      ...(signal === undefined ? {} : { signal }),
    });
  };

  const runNow = async (): Promise<void> => {
    waiting = undefined;
    current = new AbortController();
    try {
      const { outcome, delivery } = await options.run(current.signal, due);
      runs[outcome.status]++;
      if (isPushFailure(delivery)) counts.pushFailures++;
      if (delivery.status === 'delivered') lastDeliveryMs = Date.now();
    } catch (error) {
      runs.failed++;
      log.error(`a bug in prombatch: ${describeThrown(error)}`, { error });
    }
    current = undefined;
    endIfDone();
  };
  const begin = (): void => {
    counts.started++;
    const delayMs = Math.random() * options.jitterMs;
    waiting = setTimeout(() => void runNow(), delayMs);
  };

  const onTick = (tick: Date): void => {
    nextTickMs = planned()?.getTime();
    const running = current !== undefined || waiting !== undefined;
    const action = decideTick(
      { running, started: counts.started, lastTickMs, stopping: signal !== undefined },
      tick.getTime(),
      maxRuns,
    );
    if (action === 'ignore') return;
    lastTickMs = tick.getTime();
    if (action === 'run') begin();
    else {
      counts.skipped++;
      log.warn(`the run of ${tick.toISOString()} was skipped: the one before is not over`);
    }
  };
  const onMissed = (tick: Date): void => {
    nextTickMs = planned()?.getTime();
    lastTickMs = Math.max(lastTickMs ?? 0, tick.getTime());
    counts.missed++;
    log.warn(`the run of ${tick.toISOString()} was missed: this process could not run at that time`);
  };

  const ticks: CronTicks = startCronTicks({
    expression,
    timezone,
    onTick,
    onMissed,
    onError: (error) => log.error(`node-cron: ${describeThrown(error)}`, { error }),
  });
  nextTickMs = planned()?.getTime();
  if (options.runOnStart) begin();

  return {
    ended,
    state: () => ({
      runs: { ...runs },
      ...counts,
      running: current !== undefined,
      stopping: signal !== undefined,
      nextTickMs,
      lastDeliveryMs,
    }),
    stop(by) {
      signal ??= by;
      ticks.stop();
      nextTickMs = undefined;
      // A run that only waits out its jitter has not begun.
      clearTimeout(waiting);
      waiting = undefined;
      if (current) {
        log.info(`${by}: no new runs; the one under way gets ${formatDuration(options.graceMs)} to end`);
        graceTimer = setTimeout(() => {
          aborted = true;
          current?.abort(new StoppedBySignal(by, { graceMs: ABORT_MS }));
        }, options.graceMs);
      }
      endIfDone();
    },
    abortRun: (reason) => current?.abort(reason),
  };
}
