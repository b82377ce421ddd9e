import { formatDuration } from '../duration.js';
import { describeThrown } from '../errors.js';
import type { DuePlan } from '../job/due.js';
import { StoppedBySignal } from '../job/stop-reason.js';
import { type Log, logError } from '../log.js';
import type { RunOutcome } from '../outcome/outcome.js';
import { isPushFailure } from '../run/exit-code.js';
import type { RunResult } from '../run/run-result.js';
import { type CronTicks, startCronTicks } from './cron-ticks.js';
import { decideTick, isDone } from './tick.js';

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
  /** One run from start to end; it stops when `stop` aborts, and says when its job has ended. */
  readonly run: (context: ScheduledRun) => Promise<RunResult>;
  readonly log: Log;
}

export interface ScheduledRun {
  readonly stop: AbortSignal;
  /** Says when the next success is due; a schedule that ends after so many runs expects none. */
  readonly due: DuePlan | undefined;
  /** To be called when the job has ended and only its metrics are still to be delivered. */
  readonly jobEnded: () => void;
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

/** What it does now: nothing, wait out a jitter, run a job, or deliver a job's metrics. */
type Phase = 'idle' | 'waiting' | 'job' | 'delivering';

export interface Scheduler {
  /** Begins to tick. */
  start(): void;
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
export function createScheduler(options: SchedulerOptions): Scheduler {
  const { expression, timezone, maxRuns, log } = options;
  const runs = { succeeded: 0, failed: 0, timed_out: 0, interrupted: 0 };
  const counts = { skipped: 0, missed: 0, pushFailures: 0, started: 0 };
  let phase: Phase = 'idle';
  let ticks: CronTicks | undefined;
  let lastTickMs: number | undefined;
  let nextTickMs: number | undefined;
  let lastDeliveryMs: number | undefined;
  let signal: string | undefined;
  let aborted = false;
  let timer: NodeJS.Timeout | undefined;
  let current: AbortController | undefined;
  let missed: Date[] = [];
  let finish: (end: SchedulerEnd) => void;
  const ended = new Promise<SchedulerEnd>((resolve) => {
    finish = resolve;
  });

  const isOver = (): boolean => signal !== undefined || isDone(counts, maxRuns);
  const planNext = (): void => {
    nextTickMs = isOver() ? undefined : ticks?.next(1)[0]?.getTime();
  };
  const due: DuePlan | undefined =
    maxRuns !== undefined
      ? undefined
      : {
          // What the ticks themselves are: a plan of its own would differ where clocks change.
          dueAfter(_, durationSeconds) {
            const second = ticks?.next(2)[1];
            return second && second.getTime() + options.jitterMs + Math.round(durationSeconds * 1000);
          },
        };

  const endIfOver = (): void => {
    if (phase !== 'idle' || !isOver()) return;
    ticks?.stop();
    clearTimeout(timer);
    nextTickMs = undefined;
    const { failed, timed_out, interrupted } = runs;
    finish({
      failed: failed + timed_out + interrupted,
      pushFailures: counts.pushFailures,
      aborted,
      ...(signal === undefined ? {} : { signal }),
    });
  };

  const run = async (): Promise<void> => {
    const stop = new AbortController();
    current = stop;
    phase = 'job';
    const jobEnded = (): void => {
      phase = 'delivering';
      // Whoever stops a process soon kills it: what is left is the short time that a push then gets.
      if (signal !== undefined) stop.abort(new StoppedBySignal(signal));
    };
    try {
      const { outcome, delivery } = await options.run({ stop: stop.signal, due, jobEnded });
      runs[outcome.status]++;
      if (isPushFailure(delivery)) counts.pushFailures++;
      if (delivery.status === 'delivered') lastDeliveryMs = Date.now();
    } catch (error) {
      runs.failed++;
      logError(log, error);
    }
    current = undefined;
    phase = 'idle';
    endIfOver();
  };
  const begin = (): void => {
    counts.started++;
    phase = 'waiting';
    timer = setTimeout(() => void run(), Math.random() * options.jitterMs);
  };

  const onTick = (tick: Date): void => {
    planNext();
    const action = decideTick(
      { running: phase !== 'idle', started: counts.started, lastTickMs, stopping: signal !== undefined },
      tick.getTime(),
      maxRuns,
    );
    if (action === 'ignore') return;
    lastTickMs = tick.getTime();
    if (action === 'run') {
      begin();
      planNext();
    } else {
      counts.skipped++;
      log.warn(`the run of ${tick.toISOString()} was skipped: the one before is not over`);
    }
  };
  /** All that were missed by one sleep come one after another. */
  const onMissed = (tick: Date): void => {
    planNext();
    if (isOver()) return;
    lastTickMs = Math.max(lastTickMs ?? 0, tick.getTime());
    counts.missed++;
    missed.push(tick);
    if (missed.length === 1) queueMicrotask(tellMissed);
  };
  const tellMissed = (): void => {
    const [first, last] = [missed[0], missed.at(-1)];
    const which =
      missed.length === 1
        ? `the run of ${first?.toISOString()} was missed`
        : `${missed.length} runs from ${first?.toISOString()} to ${last?.toISOString()} were missed`;
    log.warn(`${which}: this process could not run at that time`);
    missed = [];
  };

  return {
    ended,
    start() {
      ticks = startCronTicks({
        expression,
        timezone,
        onTick,
        onMissed,
        onError: (error) => log.error(`node-cron: ${describeThrown(error)}`, { error }),
      });
      if (options.runOnStart) begin();
      planNext();
    },
    state: () => ({
      runs: { ...runs },
      ...counts,
      running: phase === 'job' || phase === 'delivering',
      stopping: signal !== undefined,
      nextTickMs,
      lastDeliveryMs,
    }),
    stop(by) {
      signal ??= by;
      ticks?.stop();
      nextTickMs = undefined;
      if (phase === 'waiting') {
        // It has not begun, and never will.
        clearTimeout(timer);
        phase = 'idle';
      }
      if (phase === 'delivering') current?.abort(new StoppedBySignal(by));
      if (phase === 'job') {
        log.info(`${by}: no new runs; the one under way gets ${formatDuration(options.graceMs)} to end`);
        timer = setTimeout(() => {
          if (phase !== 'job') return;
          aborted = true;
          current?.abort(new StoppedBySignal(by, { graceMs: ABORT_MS }));
        }, options.graceMs);
      }
      endIfOver();
    },
    abortRun: (reason) => current?.abort(reason),
  };
}
