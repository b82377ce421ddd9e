import { existsSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Log } from '../../log.js';
import { readRegularFile } from '../../regular-file.js';
import type { RunEntry } from '../run-entry.js';
import { flushFolder, writeDurably } from './durable-file.js';
import { makeFolder } from './make-folder.js';

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
  /** All entries in order; damaged ones are set aside with a warning. */
  list(): SpooledEntry[];
  has(name: string): boolean;
  /** How many entries wait. */
  count(): number;
  isEmpty(): boolean;
  update(name: string, entry: RunEntry): void;
  remove(names: readonly string[]): void;
  /** Sets an entry aside that the gateway will not take, with the reason. */
  reject(name: string, reason: string): void;
  /** Why an entry was set aside, if it was. */
  rejectionOf(name: string): string | undefined;
  fold(): Fold | undefined;
  writeFold(fold: Fold): void;
  removeFold(): void;
}

const FORMAT = 1;
const ENTRY = /^\d{16}-.*\.json$/;
const FOLD = 'fold.json';
/** Where entries are set aside, below a group's folder. */
export const REJECTED = 'rejected';

export function openGroupFolder(path: string, gateway: string, log: Log): GroupFolder {
  const at = (name: string): string => join(path, name);
  const write = (name: string, content: object): void =>
    writeDurably(at(name), `${JSON.stringify({ format: FORMAT, gateway, ...content })}\n`);

  const setAside = (name: string, suffix = ''): void => {
    makeFolder(at(REJECTED));
    renameSync(at(name), join(at(REJECTED), name + suffix));
    flushFolder(path);
  };

  /** `undefined` where it is gone, damaged or of a later prombatch. @throws the system's error. */
  const read = (name: string): { entry: RunEntry; members?: readonly string[] } | undefined => {
    const text = readOrNone(at(name));
    if (text === undefined) return undefined;
    const content = parseContent(text);
    if (content?.format === FORMAT && typeof content.entry?.outcome === 'string') return content;
    if (typeof content?.format === 'number' && content.format > FORMAT) {
      log.warn(`an entry of the spool is of a later version of prombatch and was left: ${at(name)}`);
      return undefined;
    }
    setAside(name, '.damaged');
    log.warn(`a damaged entry of the spool was set aside: ${join(at(REJECTED), name)}.damaged`);
    return undefined;
  };

  const names = (): string[] =>
    existsSync(path)
      ? readdirSync(path)
          .filter((name) => ENTRY.test(name))
          .sort()
      : [];

  return {
    path,
    add(entry) {
      makeFolder(path);
      const last = Number(names().at(-1)?.slice(0, 16) ?? 0);
      // Microseconds, and always after the last one: a clock set back must not change the order.
      const order = Math.max(Math.floor((performance.timeOrigin + performance.now()) * 1000), last + 1);
      const random = Math.floor(Math.random() * 2 ** 32).toString(36);
      const name = `${String(order).padStart(16, '0')}-${process.pid}-${random}.json`;
      write(name, { entry });
      return name;
    },
    list: () =>
      names().flatMap((name) => {
        const content = read(name);
        return content ? [{ name, entry: content.entry }] : [];
      }),
    has: (name) => existsSync(at(name)),
    count: () => names().length,
    isEmpty: () => names().length === 0 && !existsSync(at(FOLD)),
    update: (name, entry) => write(name, { entry }),
    remove(given) {
      for (const name of given) rmSync(at(name), { force: true });
      if (given.length > 0) flushFolder(path);
    },
    reject(name, reason) {
      makeFolder(at(REJECTED));
      writeDurably(join(at(REJECTED), `${name}.reason`), `${reason}\n`);
      setAside(name);
    },
    rejectionOf: (name) => readOrNone(join(at(REJECTED), `${name}.reason`))?.trim(),
    fold() {
      const content = existsSync(at(FOLD)) ? read(FOLD) : undefined;
      return content?.members && { members: content.members, entry: content.entry };
    },
    writeFold: (fold) => write(FOLD, fold),
    removeFold: () => rmSync(at(FOLD), { force: true }),
  };
}

function readOrNone(path: string): string | undefined {
  try {
    return readRegularFile(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

function parseContent(
  text: string,
): { format: number; entry: RunEntry; members?: readonly string[] } | undefined {
  try {
    return JSON.parse(text) ?? undefined;
  } catch {
    return undefined;
  }
}

/** A file of the spool, with its size in bytes. */
export interface SpoolFile {
  readonly name: string;
  readonly path: string;
  readonly bytes: number;
  readonly writtenAtMs: number;
}

/** The files that wait in a group's folder. */
export function listFiles(path: string): SpoolFile[] {
  return listAll(path).filter(({ name }) => ENTRY.test(name));
}

/** All files in a folder; none where there is no such folder. */
export function listAll(path: string): SpoolFile[] {
  if (!existsSync(path)) return [];
  return readdirSync(path).flatMap((name) => {
    const file = join(path, name);
    const stat = statSync(file, { throwIfNoEntry: false });
    return stat?.isFile() ? [{ name, path: file, bytes: stat.size, writtenAtMs: stat.mtimeMs }] : [];
  });
}
