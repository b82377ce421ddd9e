import type { GroupingKey } from '../../grouping-key.js';

/** What a run's end has to tell a receiver: plain data, so that it can wait on disk until it is told. */
export interface Entry {
  readonly key: GroupingKey;
  readonly startedAtMs: number;
  /** Whether its start is not to be told: the receiver has acknowledged it, or a later run of the group began since. */
  readonly startStored: boolean;
  /** The outcome's families in the text format. */
  readonly outcome: string;
  /** The same without what a job's own labels could spoil. */
  readonly outcomeAlone: string;
  /** The job's own metrics in the text format; '' if there are none. */
  readonly own: string;
  /**
   * The series that updates of this run began, with the time of their first 0; `null` if the receiver has acknowledged
   * it.
   */
  readonly begun: readonly (readonly [series: string, zeroMs: number | null])[];
}

/** The times of an entry's samples, in milliseconds since the epoch. They are fixed once, and never change. */
export interface EntryTimes {
  readonly startMs: number;
  readonly endMs: number;
}

/** The newest times that this host has given to samples of a group. */
export interface GivenTimes {
  /** To any sample. */
  readonly newestMs: number;
  /** To a sample of the last start. */
  readonly newestStartMs: number;
}

/**
 * The times of a run's samples: its own, unless the clock was set back or another run ended just now. Samples of one
 * group never share a time, and the 0 of a count, one millisecond earlier, shares none either.
 */
export function planTimes(
  run: { readonly startedAtMs: number; readonly completedAtMs: number },
  given: GivenTimes,
): EntryTimes {
  return {
    startMs: planStart(run.startedAtMs, given),
    endMs: planSample(run.completedAtMs, given),
  };
}

export function planStart(startedAtMs: number, { newestStartMs }: GivenTimes): number {
  return Math.max(Math.floor(startedAtMs), newestStartMs + 1);
}

export function planSample(nowMs: number, { newestMs }: GivenTimes): number {
  return Math.max(Math.floor(nowMs), newestMs + 2);
}

/** The times that were given before these. */
export function withoutTimes(
  { newestMs, newestStartMs }: GivenTimes,
  { startMs, endMs }: EntryTimes,
): GivenTimes {
  return {
    newestMs: newestMs < endMs ? newestMs : 0,
    newestStartMs: newestStartMs < startMs ? newestStartMs : 0,
  };
}
