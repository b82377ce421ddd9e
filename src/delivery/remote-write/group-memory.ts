import {
  type EntryTimes,
  type GivenTimes,
  planSample,
  planStart,
  planTimes,
  withoutTimes,
} from './entry/entry.js';

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
  /** Takes back times, and later ones, that the receiver refused as far ahead: else every later run would follow them. */
  forget(times: EntryTimes): void;
  /** The newest time that a start was given when its run began or ended, but for one that was given its run's end. */
  newestStart(): number;
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

/** A memory on the disk, and the process' own if the disk cannot be used: it is told where the run's entry is kept. */
export function withFallback(kept: GroupMemory, inProcess: GroupMemory): GroupMemory {
  const either = <T>(body: (memory: GroupMemory) => T): T => {
    try {
      return body(kept);
    } catch {
      return body(inProcess);
    }
  };
  return {
    giveStart: (startedAtMs) => either((memory) => memory.giveStart(startedAtMs)),
    giveSample: (nowMs, restamped) => either((memory) => memory.giveSample(nowMs, restamped)),
    forget: (times) => either((memory) => memory.forget(times)),
    newestStart: () => either((memory) => memory.newestStart()),
    newerRuns: (endMs) => either((memory) => memory.newerRuns(endMs)),
    isEmpty: () => either((memory) => memory.isEmpty()),
  };
}

function createProcessMemory(): ProcessMemory {
  let given: GivenTimes = { newestMs: 0, newestStartMs: 0 };
  let newest = { startMs: 0, runMs: 0, successMs: 0 };
  return {
    giveStart(startedAtMs) {
      const startMs = planStart(startedAtMs, given);
      given = { ...given, newestStartMs: startMs };
      newest = { ...newest, startMs };
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
      newest = {
        startMs: times.startMs,
        runMs: times.endMs,
        successMs: succeeded ? times.endMs : newest.successMs,
      };
      return times;
    },
    forget(times) {
      given = withoutTimes(given, times);
    },
    newestStart: () => newest.startMs,
    newerRuns: (endMs) => ({ run: newest.runMs > endMs, success: newest.successMs > endMs }),
    isEmpty: () => true,
  };
}
