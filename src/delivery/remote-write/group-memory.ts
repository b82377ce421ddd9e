import { type EntryTimes, type GivenTimes, planSample, planStart, planTimes } from './entry/entry.js';

/** When a run began and ended by the clock, and how. */
export interface RunTimes {
  readonly startedAtMs: number;
  readonly completedAtMs: number;
  /** The time that its start was given already, if it was. */
  readonly startMs: number | undefined;
  readonly succeeded: boolean;
}

/** What this host remembers of a group at a receiver: the times that it gave, and the runs that are told. */
export interface GroupMemory {
  /** The time of a start that is sent now. */
  giveStart(startedAtMs: number): number;
  /**
   * The time of samples that are sent now.
   *
   * @param restamped whether a last start is among them.
   */
  giveSample(nowMs: number, restamped?: boolean): number;
  /** Whether a run, and one that succeeded, is newer than `endMs`. */
  newerRuns(endMs: number): { readonly run: boolean; readonly success: boolean };
  /** Whether nothing waits. */
  isEmpty(): boolean;
}

/** A memory that ends with the process, for runs without a spool. */
export interface ProcessMemory extends GroupMemory {
  giveTimes(run: RunTimes): EntryTimes;
}

const memories = new Map<string, ProcessMemory>();

/** The memory of this process for a group at a receiver: a schedule runs the same job again and again. */
export function processMemory(id: string): ProcessMemory {
  const held = memories.get(id) ?? createProcessMemory();
  memories.set(id, held);
  return held;
}

function createProcessMemory(): ProcessMemory {
  let given: GivenTimes = { newestMs: 0, newestStartMs: 0 };
  let newest = { runMs: 0, successMs: 0 };
  return {
    giveStart(startedAtMs) {
      const startMs = planStart(startedAtMs, given);
      given = { ...given, newestStartMs: startMs };
      return startMs;
    },
    giveSample(nowMs, restamped = false) {
      const newestMs = planSample(nowMs, given);
      given = {
        newestMs,
        newestStartMs: restamped ? Math.max(newestMs, given.newestStartMs) : given.newestStartMs,
      };
      return newestMs;
    },
    giveTimes({ startMs, succeeded, ...run }) {
      const planned = planTimes(run, given);
      const times = startMs === undefined ? planned : { ...planned, startMs };
      given = { newestMs: times.endMs, newestStartMs: Math.max(given.newestStartMs, times.startMs) };
      newest = { runMs: times.endMs, successMs: succeeded ? times.endMs : newest.successMs };
      return times;
    },
    newerRuns: (endMs) => ({ run: newest.runMs > endMs, success: newest.successMs > endMs }),
    isEmpty: () => true,
  };
}
