import { closeSync, existsSync, openSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import { describeThrown } from '../../../errors.js';
import { flushFolder, writeDurably, writeDurablyAs } from '../../../files/durable-file.js';
import { fileName } from '../../../files/file-name.js';
import { makeFolder } from '../../../files/make-folder.js';
import { randomName } from '../../../files/random-name.js';
import { readRegularFile } from '../../../files/regular-file.js';
import { withShortLock } from '../../../files/short-lock.js';
import type { Log } from '../../../log.js';
import { type GroupingKey, groupPath, sortKey } from '../../grouping-key.js';
import { type Entry, type EntryTimes, planSample, planTimes, withoutTimes } from '../entry/entry.js';
import { readEntry, writeEntry } from '../entry/read-entry.js';
import type { GroupMemory, RunTimes } from '../group-memory.js';
import {
  entryName,
  type GivenName,
  givenName,
  newerRuns,
  newestTimes,
  outdated,
  readNames,
} from './names.js';

/** An entry that waits, and where. */
export interface WaitingEntry {
  readonly name: string;
  readonly entry: Entry;
  readonly times: EntryTimes;
  readonly folder: EntryFolder;
}

/** What waits for one receiver of one group, and the times that were given to samples of it. */
export interface EntryFolder extends GroupMemory {
  readonly path: string;
  /** Writes an entry durably, with times that are fixed from then on. @throws the system's error. */
  keep(entry: Entry, run: RunTimes): { readonly name: string; readonly times: EntryTimes };
  has(name: string): boolean;
  /** What waits by its names alone, the oldest first, less what cannot be read. */
  waiting(): GivenName[];
  /** `undefined` if it is gone. A damaged one is set aside with a warning; one of a later prombatch is left. */
  read(waiting: GivenName): WaitingEntry | undefined;
  /** How many damaged entries were set aside. */
  damaged(): number;
  /**
   * Takes entries away that the receiver has, and remembers their times.
   *
   * @param restamped those whose start was given the time of their end.
   */
  remove(names: readonly string[], restamped?: ReadonlySet<string>): void;
  /**
   * Sets a waiting entry aside that the receiver will not take, with the reason.
   *
   * @param forget whether its times are taken back.
   */
  reject(name: string, reason: string, forget: boolean): void;
  /** Keeps what is never to be sent where refused entries are, with the reason. */
  setAside(entry: Entry, times: EntryTimes, reason: string): void;
  /** Whether a run whose samples have this time was delivered: what waits goes out in the order of its times. */
  wasDelivered(endMs: number): boolean;
  /** Why an entry was set aside, if it was. */
  rejectionOf(name: string): string | undefined;
  /** The entries that were being sent as one request, whose answer is not known. */
  inFlight(): readonly string[];
  setInFlight(names: readonly string[]): void;
}

/** Where entries are set aside, below a group's folder. */
export const REJECTED = 'rejected';
const IN_FLIGHT = 'in-flight';

/** The name of a group's folder. */
export function entryFolderName(key: GroupingKey): string {
  return fileName(groupPath(sortKey(key)));
}

export function openEntryFolder(path: string, log: Log): EntryFolder {
  const at = (name: string): string => join(path, name);
  const rejectedAt = (name: string): string => join(path, REJECTED, name);
  /** Files that cannot be sent and that stay where they are: each is told of once. */
  const left = new Set<string>();
  let damaged = 0;

  const given = (): GivenName[] => (existsSync(path) ? readNames(readdirSync(path)) : []);
  const alone = <T>(body: () => T): T => withShortLock(at('times'), body);

  /** Remembers times; what says no more than that goes. */
  const remember = (name: string): void => {
    // Exclusively, which follows no link; if it is there, it says the same.
    if (!given().some((each) => each.name === name)) closeSync(openSync(at(name), 'wx', 0o600));
    for (const old of outdated(given())) rmSync(at(old), { force: true });
  };

  /** What was delivered stays: the receiver has it. */
  const takeBack = (times: EntryTimes): void => {
    for (const { name, times: held, kind, waits } of given()) {
      if (waits || kind !== 'other') continue;
      const { newestMs, newestStartMs } = withoutTimes(
        { newestMs: held.endMs, newestStartMs: held.startMs },
        times,
      );
      const left = givenName({ endMs: newestMs, startMs: newestStartMs }, 'other');
      if (left !== name) renameSync(at(name), at(left));
    }
  };

  const moveAside = (name: string, reason: string, suffix = ''): void => {
    makeFolder(at(REJECTED));
    writeDurably(rejectedAt(`${name}${suffix}.reason`), `${reason}\n`);
    renameSync(at(name), rejectedAt(name + suffix));
    flushFolder(path);
  };

  const onDamaged = (name: string, reason: string): void => {
    damaged++;
    try {
      moveAside(name, reason, '.damaged');
      log.warn(`a damaged entry of the spool was set aside: ${rejectedAt(name)}.damaged: ${reason}`, {
        event: 'spool_set_aside',
      });
    } catch (error) {
      left.add(name);
      log.warn(
        `a damaged entry of the spool cannot be set aside: ${at(name)}: ${reason}; ${describeThrown(error)}`,
        { event: 'spool_left' },
      );
    }
  };

  const folder: EntryFolder = {
    path,
    keep(entry, { startedAtMs, completedAtMs, startMs, succeeded }) {
      makeFolder(path);
      const text = writeEntry(entry);
      const random = randomName();
      let kept: { name: string; times: EntryTimes } | undefined;
      writeDurablyAs(path, text, (beside) =>
        alone(() => {
          const planned = planTimes({ startedAtMs, completedAtMs }, newestTimes(given()));
          const times = startMs === undefined ? planned : { ...planned, startMs };
          const kind = succeeded ? 'succeeded' : 'failed';
          const name = entryName(times, kind, Buffer.byteLength(text), random);
          renameSync(beside, at(name));
          kept = { name, times };
        }),
      );
      if (!kept) throw new Error('an entry of the spool has no name');
      return kept;
    },
    giveStart(startedAtMs) {
      makeFolder(path);
      return alone(() => {
        const { newestMs, newestStartMs } = newestTimes(given());
        const startMs = Math.max(Math.floor(startedAtMs), newestStartMs + 1);
        remember(givenName({ startMs, endMs: newestMs }, 'other'));
        return startMs;
      });
    },
    giveSample(nowMs, restamped = false) {
      makeFolder(path);
      return alone(() => {
        const newest = newestTimes(given());
        const endMs = planSample(nowMs, newest);
        const startMs = restamped ? Math.max(endMs, newest.newestStartMs) : newest.newestStartMs;
        remember(givenName({ startMs, endMs }, 'other'));
        return endMs;
      });
    },
    forget: (times) => alone(() => takeBack(times)),
    newestStart: () =>
      newestTimes(given().filter(({ times: { startMs, endMs } }) => startMs !== endMs)).newestStartMs,
    newerRuns: (endMs) => newerRuns(given(), endMs),
    isEmpty: () => folder.waiting().length === 0,
    has: (name) => existsSync(at(name)),
    waiting: () => given().filter(({ name, waits }) => waits && !left.has(name)),
    read({ name, times }) {
      let text: string;
      try {
        text = readRegularFile(at(name), { follow: false });
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
        left.add(name);
        log.warn(`an entry of the spool cannot be read and was left: ${at(name)}: ${describeThrown(error)}`, {
          event: 'spool_left',
        });
        return undefined;
      }
      const reading = readEntry(text);
      if ('entry' in reading) {
        if (entryFolderName(reading.entry.key) === basename(path))
          return { name, times, entry: reading.entry, folder };
        onDamaged(name, 'it is of another group');
      } else if ('later' in reading) {
        left.add(name);
        log.warn(`an entry of the spool is of a later version of prombatch and was left: ${at(name)}`, {
          event: 'spool_left',
        });
      } else onDamaged(name, reading.damaged);
      return undefined;
    },
    damaged: () => damaged,
    remove(names, restamped = new Set()) {
      if (names.length === 0) return;
      alone(() => {
        const newest = new Map(readNames(names).map((each) => [each.kind, each]));
        for (const { times, kind, name } of newest.values()) {
          remember(givenName(restamped.has(name) ? { ...times, startMs: times.endMs } : times, kind));
        }
        for (const name of names) rmSync(at(name), { force: true });
      });
      flushFolder(path);
    },
    reject(name, reason, forget) {
      try {
        alone(() => {
          for (const { times } of readNames([name])) {
            if (forget) takeBack(times);
            else remember(givenName(times, 'other'));
          }
        });
        moveAside(name, reason);
      } catch (error) {
        left.add(name);
        log.warn(`a refused entry of the spool cannot be set aside: ${at(name)}: ${describeThrown(error)}`, {
          event: 'spool_left',
        });
      }
    },
    setAside(entry, times, reason) {
      makeFolder(at(REJECTED));
      const text = writeEntry(entry);
      const name = entryName(times, 'failed', Buffer.byteLength(text), randomName());
      writeDurably(rejectedAt(`${name}.reason`), `${reason}\n`);
      writeDurably(rejectedAt(name), text);
    },
    wasDelivered: (endMs) =>
      given().some(({ waits, kind, times }) => !waits && kind !== 'other' && times.endMs >= endMs),
    rejectionOf: (name) => readOrNone(rejectedAt(`${name}.reason`))?.trim(),
    inFlight: () => (readOrNone(at(IN_FLIGHT)) ?? '').split('\n').filter((name) => name !== ''),
    setInFlight(names) {
      if (names.length > 0) writeDurably(at(IN_FLIGHT), names.join('\n'));
      else rmSync(at(IN_FLIGHT), { force: true });
    },
  };
  return folder;
}

function readOrNone(path: string): string | undefined {
  try {
    return readRegularFile(path, { follow: false });
  } catch {
    return undefined;
  }
}
