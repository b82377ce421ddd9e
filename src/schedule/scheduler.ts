import { formatDuration } from '../duration.js';
import { describeThrown } from '../errors.js';
import type { DuePlan } from '../job/due.js';
import { StoppedBySignal } from '../job/stop-reason.js';
import { type Log, logError } from '../log.js';
import { isPushFailure } from '../run/exit-code.js';
import type { RunResult } from '../run/run-result.js';
import { type CronTicks, startCronTicks } from './cron-ticks.js';
import {
  INITIAL,
  isOver,
  type ScheduleEffect,
  type ScheduleEvent,
  type ScheduleState,
  step,
} from './step.js';

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
  /** What a second signal does while a job runs, to be said at the first. */
  readonly secondSignal: string;
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

/** What a scheduler has seen so far, with when the next tick is planned. */
export interface SchedulerState
  extends Pick<ScheduleState, 'runs' | 'skipped' | 'missed' | 'pushFailures' | 'lastDeliveryMs'> {
  readonly running: boolean;
  readonly stopping: boolean;
  readonly nextTickMs: number | undefined;
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

/** Runs again and again, never two runs at once. `step` decides; this only does what it says. */
export function createScheduler(options: SchedulerOptions): Scheduler {
  const { expression, timezone, maxRuns, log } = options;
  let state = INITIAL;
  let ticks: CronTicks | undefined;
  let nextTickMs: number | undefined;
  let timer: NodeJS.Timeout | undefined;
  let current: AbortController | undefined;
  const missed = createMissedLog(log);
  const { promise: ended, resolve: finish } = promiseOf<SchedulerEnd>();

  const dispatch = (event: ScheduleEvent): void => {
    const next = step(state, event, maxRuns);
    state = next.state;
    nextTickMs = isOver(state, maxRuns) ? undefined : ticks?.next(1)[0]?.getTime();
    for (const effect of next.effects) carryOut(effect);
  };

  const carryOut = (effect: ScheduleEffect): void => {
    switch (effect.type) {
      case 'wait':
        timer = setTimeout(() => dispatch({ type: 'jitterOver' }), Math.random() * options.jitterMs);
        break;
      case 'run':
        void run();
        break;
      case 'logSkipped':
        log.warn(
          `the run of ${new Date(effect.tickMs).toISOString()} was skipped: the one before is not over`,
          { event: 'run_skipped' },
        );
        break;
      case 'logMissed':
        missed(effect.tickMs);
        break;
      case 'stopTicks':
        ticks?.stop();
        break;
      case 'cancelTimer':
        clearTimeout(timer);
        break;
      case 'grace':
        log.info(
          `${effect.signal}: no new runs; the one under way has ${formatDuration(options.graceMs)} to end; ${options.secondSignal}`,
          { event: 'job_stopping', signal: effect.signal, graceMs: options.graceMs },
        );
        timer = setTimeout(() => dispatch({ type: 'graceOver' }), options.graceMs);
        break;
      case 'hurryDelivery':
        current?.abort(new StoppedBySignal(effect.signal));
        break;
      case 'abortJob':
        current?.abort(new StoppedBySignal(effect.signal, { graceMs: ABORT_MS }));
        break;
      case 'finish':
        finish(endOf(state));
    }
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

  const run = async (): Promise<void> => {
    const stop = new AbortController();
    current = stop;
    const result = await options
      .run({ stop: stop.signal, due, jobEnded: () => dispatch({ type: 'jobEnded' }) })
      .then(({ outcome, delivery }) => ({
        status: outcome.status,
        pushFailed: isPushFailure(delivery),
        deliveredAtMs: delivery.status === 'delivered' ? Date.now() : undefined,
      }))
      .catch((error: unknown) => {
        logError(log, error);
        return { status: 'failed', pushFailed: false, deliveredAtMs: undefined } as const;
      });
    current = undefined;
    dispatch({ type: 'runEnded', ...result });
  };

  return {
    ended,
    start() {
      ticks = startCronTicks({
        expression,
        timezone,
        onTick: (tick) => dispatch({ type: 'tick', tickMs: tick.getTime() }),
        onMissed: (tick) => dispatch({ type: 'missed', tickMs: tick.getTime() }),
        onError: (error) => log.error(`node-cron: ${describeThrown(error)}`, { event: 'bug', error }),
      });
      nextTickMs = ticks.next(1)[0]?.getTime();
      if (options.runOnStart) dispatch({ type: 'runNow' });
    },
    state: () => ({
      ...state,
      running: state.phase === 'job' || state.phase === 'delivering',
      stopping: state.stoppedBy !== undefined,
      nextTickMs,
    }),
    stop: (signal) => dispatch({ type: 'stop', signal }),
    abortRun: (reason) => current?.abort(reason),
  };
}

function endOf({ runs, pushFailures, aborted, stoppedBy }: ScheduleState): SchedulerEnd {
  const { failed, timed_out, interrupted } = runs;
  return {
    failed: failed + timed_out + interrupted,
    pushFailures,
    aborted,
    ...(stoppedBy === undefined ? {} : { signal: stoppedBy }),
  };
}

/** All ticks that were missed by one sleep come one after another: they are one line. */
function createMissedLog(log: Log): (tickMs: number) => void {
  let missed: number[] = [];
  const time = (ms: number | undefined): string => new Date(ms ?? 0).toISOString();
  const write = (): void => {
    const which =
      missed.length === 1
        ? `the run of ${time(missed[0])} was missed`
        : `${missed.length} runs from ${time(missed[0])} to ${time(missed.at(-1))} were missed`;
    log.warn(`${which}: this process could not run at that time`, { event: 'run_missed' });
    missed = [];
  };
  return (tickMs) => {
    missed.push(tickMs);
    if (missed.length === 1) queueMicrotask(write);
  };
}

function promiseOf<T>(): { promise: Promise<T>; resolve: (value: T) => void } {
  let resolve: (value: T) => void = () => {};
  const promise = new Promise<T>((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}
