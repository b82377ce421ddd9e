import type { RunOutcome } from '../outcome/outcome.js';

/** What a schedule does now: nothing, wait out a jitter, run a job, or deliver a job's metrics. */
export type SchedulePhase = 'idle' | 'waiting' | 'job' | 'delivering';

/** All that a schedule knows; times in milliseconds since the epoch. */
export interface ScheduleState {
  readonly phase: SchedulePhase;
  /** How many runs have begun, those that wait out their jitter among them. */
  readonly started: number;
  /** How many runs have ended, by how they ended. */
  readonly runs: Readonly<Record<RunOutcome['status'], number>>;
  /** Ticks at which a run was under way. */
  readonly skipped: number;
  /** Ticks that came too late to be acted on. */
  readonly missed: number;
  readonly pushFailures: number;
  readonly lastTickMs: number | undefined;
  readonly lastDeliveryMs: number | undefined;
  /** The signal that asked to end. */
  readonly stoppedBy: string | undefined;
  /** Whether a run had to be stopped for it. */
  readonly aborted: boolean;
  readonly ended: boolean;
}

export type ScheduleEvent =
  /** A run is asked for at once. */
  | { readonly type: 'runNow' }
  | { readonly type: 'tick'; readonly tickMs: number }
  /** A tick came too late to be acted on. */
  | { readonly type: 'missed'; readonly tickMs: number }
  | { readonly type: 'jitterOver' }
  | { readonly type: 'jobEnded' }
  | {
      readonly type: 'runEnded';
      readonly status: RunOutcome['status'];
      readonly pushFailed: boolean;
      /** When its metrics were delivered, if they were. */
      readonly deliveredAtMs: number | undefined;
    }
  | { readonly type: 'stop'; readonly signal: string }
  | { readonly type: 'graceOver' };

export type ScheduleEffect =
  /** Wait out the jitter, then `jitterOver`. */
  | { readonly type: 'wait' }
  | { readonly type: 'run' }
  | { readonly type: 'logSkipped'; readonly tickMs: number }
  | { readonly type: 'logMissed'; readonly tickMs: number }
  /** No more ticks. */
  | { readonly type: 'stopTicks' }
  /** End the wait or the grace period without what follows it. */
  | { readonly type: 'cancelTimer' }
  /** The run under way gets the grace period, then `graceOver`. */
  | { readonly type: 'grace'; readonly signal: string }
  /** The job has ended: only its delivery is to be shortened. */
  | { readonly type: 'hurryDelivery'; readonly signal: string }
  | { readonly type: 'abortJob'; readonly signal: string }
  | { readonly type: 'finish' };

export interface Step {
  readonly state: ScheduleState;
  readonly effects: readonly ScheduleEffect[];
}

export const INITIAL: ScheduleState = {
  phase: 'idle',
  started: 0,
  runs: { succeeded: 0, failed: 0, timed_out: 0, interrupted: 0 },
  skipped: 0,
  missed: 0,
  pushFailures: 0,
  lastTickMs: undefined,
  lastDeliveryMs: undefined,
  stoppedBy: undefined,
  aborted: false,
  ended: false,
};

/** What an event makes of a schedule, and what is to be done. Two runs are never under way at once. */
export function step(state: ScheduleState, event: ScheduleEvent, maxRuns: number | undefined): Step {
  if (state.ended) return same(state);
  const next = handle(state, event, maxRuns);
  if (next.state.phase !== 'idle' || !isOver(next.state, maxRuns)) return next;
  const effects: ScheduleEffect[] = [{ type: 'stopTicks' }, { type: 'cancelTimer' }, { type: 'finish' }];
  return { state: { ...next.state, ended: true }, effects: [...next.effects, ...effects] };
}

/** Whether no further run is to begin. */
export function isOver({ stoppedBy, started }: ScheduleState, maxRuns: number | undefined): boolean {
  return stoppedBy !== undefined || (maxRuns !== undefined && started >= maxRuns);
}

function handle(state: ScheduleState, event: ScheduleEvent, maxRuns: number | undefined): Step {
  switch (event.type) {
    case 'runNow':
      return isOver(state, maxRuns) ? same(state) : begin(state);
    case 'tick':
      return onTick(state, event.tickMs, maxRuns);
    case 'missed':
      return isOver(state, maxRuns) ? same(state) : onMissed(state, event.tickMs);
    case 'jitterOver':
      return state.phase === 'waiting' ? to({ ...state, phase: 'job' }, { type: 'run' }) : same(state);
    case 'jobEnded':
      return state.phase === 'job' ? onJobEnded(state) : same(state);
    case 'runEnded':
      return onRunEnded(state, event);
    case 'stop':
      return onStop(state, event.signal);
    case 'graceOver':
      return onGraceOver(state);
  }
}

/** A tick that was acted on already, as after the clock was set back, is none. */
function onTick(state: ScheduleState, tickMs: number, maxRuns: number | undefined): Step {
  const again = state.lastTickMs !== undefined && tickMs <= state.lastTickMs;
  if (again || isOver(state, maxRuns)) return same(state);
  const acted = { ...state, lastTickMs: tickMs };
  if (state.phase === 'idle') return begin(acted);
  return to({ ...acted, skipped: state.skipped + 1 }, { type: 'logSkipped', tickMs });
}

function onMissed(state: ScheduleState, tickMs: number): Step {
  const lastTickMs = Math.max(state.lastTickMs ?? 0, tickMs);
  return to({ ...state, lastTickMs, missed: state.missed + 1 }, { type: 'logMissed', tickMs });
}

function begin(state: ScheduleState): Step {
  if (state.phase !== 'idle') return same(state);
  return to({ ...state, phase: 'waiting', started: state.started + 1 }, { type: 'wait' });
}

function onJobEnded(state: ScheduleState): Step {
  const delivering: ScheduleState = { ...state, phase: 'delivering' };
  // Whoever stops a process soon kills it: what is left is the short time that a push then gets.
  return state.stoppedBy === undefined
    ? to(delivering)
    : to(delivering, { type: 'cancelTimer' }, { type: 'hurryDelivery', signal: state.stoppedBy });
}

function onRunEnded(
  state: ScheduleState,
  { status, pushFailed, deliveredAtMs }: Extract<ScheduleEvent, { type: 'runEnded' }>,
): Step {
  if (state.phase !== 'job' && state.phase !== 'delivering') return same(state);
  return to({
    ...state,
    phase: 'idle',
    runs: { ...state.runs, [status]: state.runs[status] + 1 },
    pushFailures: state.pushFailures + (pushFailed ? 1 : 0),
    lastDeliveryMs: deliveredAtMs ?? state.lastDeliveryMs,
  });
}

function onStop(state: ScheduleState, signal: string): Step {
  if (state.stoppedBy !== undefined) return same(state);
  const stopped: ScheduleState = { ...state, stoppedBy: signal };
  switch (state.phase) {
    case 'idle':
      return to(stopped, { type: 'stopTicks' });
    case 'waiting':
      // It has not begun, and never will.
      return to({ ...stopped, phase: 'idle', started: state.started - 1 }, { type: 'cancelTimer' });
    case 'job':
      return to(stopped, { type: 'stopTicks' }, { type: 'grace', signal });
    case 'delivering':
      return to(stopped, { type: 'stopTicks' }, { type: 'hurryDelivery', signal });
  }
}

function onGraceOver(state: ScheduleState): Step {
  if (state.phase !== 'job' || state.stoppedBy === undefined) return same(state);
  return to({ ...state, aborted: true }, { type: 'abortJob', signal: state.stoppedBy });
}

function same(state: ScheduleState): Step {
  return { state, effects: [] };
}

function to(state: ScheduleState, ...effects: ScheduleEffect[]): Step {
  return { state, effects };
}

/** How long after its tick a schedule that acts on it may take before it counts as stuck, in milliseconds. */
const STUCK_MS = 60_000;

/** Whether a tick is so late that it will not come: the timer is gone. */
export function isStuck(nextTickMs: number | undefined, nowMs: number): boolean {
  return nextTickMs !== undefined && nowMs - nextTickMs > STUCK_MS;
}
