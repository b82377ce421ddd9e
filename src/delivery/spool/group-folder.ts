import { existsSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { steadyTimeMs } from '../../clock.js';
import { describeThrown } from '../../errors.js';
import { flushFolder, writeDurably } from '../../files/durable-file.js';
import { fileName } from '../../files/file-name.js';
import { type HeldLock, isLocked, tryLock } from '../../files/lock.js';
import { makeFolder } from '../../files/make-folder.js';
import { randomName } from '../../files/random-name.js';
import { readRegularFile } from '../../files/regular-file.js';
import type { Log } from '../../log.js';
import { type GroupingKey, groupPath, sortKey } from '../grouping-key.js';
import { PushError } from '../http/push-error.js';
import type { RunEntry } from '../push/run-entry.js';
import { type Memory, openMemory } from './memory.js';
import { FORMAT, readEntry } from './read-entry.js';

/** An entry that waits, with the name of its file: names sort in the order the entries were made. */
export interface SpooledEntry {
  readonly name: string;
  readonly entry: RunEntry;
}

/** Several entries as one, written before it is first sent so that its counts are never added twice. */
export interface Fold {
  readonly members: readonly string[];
  readonly entry: RunEntry;
}

/** What waits for one group of one gateway. */
export interface GroupFolder {
  readonly path: string;
  /** Writes an entry durably; returns its name. @throws the system's error. */
  add(entry: RunEntry): string;
  /**
   * The same for a run that waits to hear what becomes of its entry. Until it lets go, no process drops the entry to
   * keep a limit, nor takes it for late: if it is gone, it was delivered or set aside.
   */
  addHeld(entry: RunEntry): { readonly name: string; readonly hold: HeldLock };
  /** Whether the run of an entry waits to hear what becomes of it. */
  isHeld(name: string): boolean;
  /** The names of what waits, in order. */
  names(): string[];
  /**
   * The entry of this name, if it is there. A damaged one is set aside with a warning; one of a later prombatch, or one
   * that cannot be read, is left, and no longer named.
   */
  read(name: string): SpooledEntry | undefined;
  has(name: string): boolean;
  /** How many entries wait, those of a later prombatch among them. */
  count(): number;
  /** How many damaged entries were found. */
  damaged(): number;
  /** Whether nothing waits that this version can send. */
  isEmpty(): boolean;
  update(name: string, entry: RunEntry): void;
  remove(names: readonly string[]): void;
  /** Sets a waiting entry aside that the gateway will not take, with the reason. */
  reject(name: string, reason: string): void;
  /** Writes an entry that is never to be sent to where refused ones are kept, with the reason. */
  addRejected(entry: RunEntry, reason: string): void;
  /** Why an entry was set aside, if it was. */
  rejectionOf(name: string): string | undefined;
  fold(): Fold | undefined;
  /** Why nothing of this group can be sent: what was being sent as one cannot be read, and may count already. */
  blocked(): PushError | undefined;
  writeFold(fold: Fold): void;
  removeFold(): void;
  /** What the group was told, by this host. */
  readonly memory: Memory;
}

const ENTRY = /^\d{16}-.*\.json$/;
/** Several entries as one, in a group's folder. */
export const FOLD = 'fold.json';
/** In the year 2255, in microseconds. */
const LATEST = 9e15;
/** Where entries are set aside, below a group's folder. */
export const REJECTED = 'rejected';

/** Names as `holdName` gives them. */
export const HOLD = /^\d{16}-.*\.json\.lock$/;

/** The lock by which its run holds an entry. */
export function holdName(name: string): string {
  return `${name}.lock`;
}

/** The name of a group's folder. */
export function groupFolderName(key: GroupingKey): string {
  return fileName(groupPath(sortKey(key)));
}

export function openGroupFolder(path: string, gateway: string, log: Log): GroupFolder {
  const at = (name: string): string => join(path, name);
  const rejectedAt = (name: string): string => join(path, REJECTED, name);
  const write = (file: string, content: object): void =>
    writeDurably(file, `${JSON.stringify({ format: FORMAT, gateway, ...content })}\n`);
  /** Files that cannot be sent and that stay where they are: each is told of once. */
  const left = new Set<string>();
  let damaged = 0;
  /** What this process added last, and what tells whether its file is still the one that was written. */
  let added: (SpooledEntry & { readonly mark: string }) | undefined;
  const markOf = (name: string): string | undefined => {
    const stat = statSync(at(name), { throwIfNoEntry: false });
    return stat && `${stat.ino} ${stat.mtimeMs} ${stat.size}`;
  };

  const setAside = (name: string, reason: string, suffix = ''): void => {
    makeFolder(at(REJECTED));
    writeDurably(rejectedAt(`${name}${suffix}.reason`), `${reason}\n`);
    renameSync(at(name), rejectedAt(name + suffix));
    flushFolder(path);
  };

  const onDamaged = (name: string, reason: string): void => {
    damaged++;
    try {
      setAside(name, reason, '.damaged');
      log.warn(`a damaged entry of the spool was set aside: ${rejectedAt(name)}.damaged: ${reason}`, {
        event: 'spool_set_aside',
        target: gateway,
      });
    } catch (error) {
      left.add(name);
      log.warn(
        `a damaged entry of the spool cannot be set aside: ${at(name)}: ${reason}; ${describeThrown(error)}`,
        { event: 'spool_left', target: gateway },
      );
    }
  };

  /** `undefined` if it is gone, damaged, unreadable or of a later prombatch. */
  const read = (name: string): Fold | undefined => {
    let text: string | undefined;
    try {
      text = readOrNone(at(name));
    } catch (error) {
      left.add(name);
      log.warn(`an entry of the spool cannot be read and was left: ${at(name)}: ${describeThrown(error)}`, {
        event: 'spool_left',
        target: gateway,
      });
    }
    if (text === undefined) return undefined;
    const reading = readEntry(text);
    if ('entry' in reading) {
      if (groupFolderName(reading.entry.key) === basename(path)) return reading;
      onDamaged(name, 'it is of another group');
    } else if ('later' in reading) {
      left.add(name);
      log.warn(`an entry of the spool is of a later version of prombatch and was left: ${at(name)}`, {
        event: 'spool_left',
        target: gateway,
      });
    } else onDamaged(name, reading.damaged);
    return undefined;
  };

  const files = (): string[] => listNames(path).sort();
  const names = (): string[] => files().filter((name) => !left.has(name));

  const newName = (): string => {
    const orders = files().map((name) => Number(name.slice(0, 16)));
    // A name that no clock gives tells nothing of the order.
    const last = Math.max(0, ...orders.filter((order) => order < LATEST));
    // Microseconds, and always after the last one: a clock set back must not change the order.
    const order = Math.max(Math.floor(steadyTimeMs() * 1000), last + 1);
    return `${String(order).padStart(16, '0')}-${process.pid}-${randomName()}.json`;
  };

  const writeNew = (name: string, entry: RunEntry): void => {
    try {
      write(at(name), { entry });
    } catch (error) {
      // One that was renamed into its place is whole, and would be sent whatever is said of it.
      if (!existsSync(at(name))) throw error;
    }
    const mark = markOf(name);
    added = mark === undefined ? undefined : { name, entry, mark };
  };

  return {
    path,
    add(entry) {
      makeFolder(path);
      const name = newName();
      writeNew(name, entry);
      return name;
    },
    addHeld(entry) {
      makeFolder(path);
      const name = newName();
      // First, so that nobody sees the entry without it.
      const hold = tryLock(path, holdName(name));
      if (!hold) throw new Error(`another process holds ${at(holdName(name))}`);
      try {
        writeNew(name, entry);
      } catch (error) {
        hold.release();
        throw error;
      }
      return { name, hold };
    },
    isHeld: (name) => isLocked(path, holdName(name)),
    names,
    read(name) {
      // Another process may have given it its base meanwhile.
      if (added?.name === name && added.mark === markOf(name)) return { name, entry: added.entry };
      const content = read(name);
      return content && { name, entry: content.entry };
    },
    has: (name) => existsSync(at(name)),
    count: () => listNames(path).length,
    damaged: () => damaged,
    isEmpty: () => names().length === 0 && (left.has(FOLD) || !existsSync(at(FOLD))),
    update: (name, entry) => write(at(name), { entry }),
    remove(given) {
      // Not flushed: an entry that a crash of the machine brings back says the same once more.
      for (const name of given) rmSync(at(name), { force: true });
    },
    reject(name, reason) {
      try {
        setAside(name, reason);
      } catch (error) {
        left.add(name);
        log.warn(`a refused entry of the spool cannot be set aside: ${at(name)}: ${describeThrown(error)}`, {
          event: 'spool_left',
          target: gateway,
        });
      }
    },
    addRejected(entry, reason) {
      makeFolder(at(REJECTED));
      const name = newName();
      writeDurably(rejectedAt(`${name}.reason`), `${reason}\n`);
      write(rejectedAt(name), { entry });
    },
    rejectionOf: (name) => readOrNone(rejectedAt(`${name}.reason`))?.trim(),
    fold() {
      const fold = !left.has(FOLD) && existsSync(at(FOLD)) ? read(FOLD) : undefined;
      return fold && { members: fold.members.filter((name) => ENTRY.test(name)), entry: fold.entry };
    },
    blocked() {
      if (!left.has(FOLD)) return undefined;
      const message = `${at(FOLD)} cannot be read, so that what waits for this group goes on waiting`;
      return new PushError('SPOOL_BLOCKED', message, { retryable: false });
    },
    writeFold: (fold) => write(at(FOLD), fold),
    removeFold() {
      // No member may come back without the fold, which has the base of its counts.
      flushFolder(path);
      rmSync(at(FOLD), { force: true });
    },
    memory: openMemory(path, gateway, log),
  };
}

function readOrNone(path: string): string | undefined {
  try {
    return readRegularFile(path, { follow: false });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** The names of the files that wait in a group's folder. */
export function listNames(path: string): string[] {
  return listFolder(path).filter((name) => ENTRY.test(name));
}

/** The names of all that is in a folder; none if there is no such folder. */
export function listFolder(path: string): string[] {
  return existsSync(path) ? readdirSync(path) : [];
}
