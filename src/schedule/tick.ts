/** What a schedule knows when a tick comes. */
export interface ScheduleState {
  /** Whether a run is under way, or waits out its jitter. */
  readonly running: boolean;
  /** How many runs have begun. */
  readonly started: number;
  /** The tick that was last acted on, in milliseconds since the epoch. */
  readonly lastTickMs: number | undefined;
  /** Whether the schedule was told to stop. */
  readonly stopping: boolean;
}

/**
 * - `run`: begin a run;
 * - `skip`: a run is under way, and two never run at once;
 * - `ignore`: the tick was acted on already (the clock was set back), or the schedule is at its end.
 */
export type TickAction = 'run' | 'skip' | 'ignore';

/** What to do at a tick. */
export function decideTick(state: ScheduleState, tickMs: number, maxRuns: number | undefined): TickAction {
  if (state.stopping || isDone(state, maxRuns)) return 'ignore';
  if (state.lastTickMs !== undefined && tickMs <= state.lastTickMs) return 'ignore';
  return state.running ? 'skip' : 'run';
}

/** Whether no further run is to begin. */
export function isDone({ started }: Pick<ScheduleState, 'started'>, maxRuns: number | undefined): boolean {
  return maxRuns !== undefined && started >= maxRuns;
}

/** How long after its tick a schedule that acts on it may take before it counts as stuck, in milliseconds. */
const STUCK_MS = 60_000;

/** Whether a tick is so late that it will not come: the timer is gone. */
export function isStuck(nextTickMs: number | undefined, nowMs: number): boolean {
  return nextTickMs !== undefined && nowMs - nextTickMs > STUCK_MS;
}
