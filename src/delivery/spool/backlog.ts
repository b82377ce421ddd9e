import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { formatDuration } from '../../duration.js';
import { readName } from '../../files/file-name.js';
import { printable } from '../../status/printable.js';
import { listFolder, listNames, REJECTED } from './group-folder.js';

/** What a spool holds for one gateway. */
export interface Backlog {
  /** The gateway's address, without credentials. */
  readonly gateway: string;
  /** Runs that wait until the gateway has them. */
  readonly waiting: number;
  /** Since when the first of them waits, in seconds since the epoch. */
  readonly waitingSinceSeconds?: number;
  /** Runs, or parts of runs, that the gateway refused or that are damaged: they are kept, and never sent. */
  readonly setAside: number;
}

/**
 * What waits in a spool and what was set aside there, by gateway; changes nothing.
 *
 * @throws the system's error if the spool cannot be read. A folder that is not there holds nothing.
 */
export function readBacklog(path: string): readonly Backlog[] {
  return subfolders(path)
    .map((name) => readGateway(readName(name), join(path, name)))
    .filter(({ waiting, setAside }) => waiting > 0 || setAside > 0);
}

function readGateway(gateway: string, path: string): Backlog {
  const groups = subfolders(path).map((name) => join(path, name));
  const waiting = groups.flatMap(listNames).sort();
  const setAside = groups
    .flatMap((group) => listFolder(join(group, REJECTED)))
    .filter((name) => !name.endsWith('.reason') && !name.endsWith('.tmp'));
  // Names begin with when the entry was made, in microseconds.
  const since =
    waiting[0] === undefined ? {} : { waitingSinceSeconds: Number(waiting[0].slice(0, 16)) / 1e6 };
  return { gateway, waiting: waiting.length, ...since, setAside: setAside.length };
}

/** The sum over all gateways. */
export function sumBacklog(backlog: readonly Backlog[]): {
  readonly waiting: number;
  readonly setAside: number;
} {
  const sum = (of: (entry: Backlog) => number) => backlog.reduce((total, entry) => total + of(entry), 0);
  return { waiting: sum(({ waiting }) => waiting), setAside: sum(({ setAside }) => setAside) };
}

/** One line for each gateway for which something waits or was set aside, for people. */
export function describeBacklog(backlog: readonly Backlog[], nowSeconds: number): readonly string[] {
  return backlog.map(({ gateway, waiting, waitingSinceSeconds = nowSeconds, setAside }) => {
    const since = formatDuration(Math.max(0, Math.floor(nowSeconds - waitingSinceSeconds)) * 1000);
    const parts = [
      ...(waiting > 0 ? [`${waiting} waiting, the first for ${since}`] : []),
      ...(setAside > 0 ? [`${setAside} set aside`] : []),
    ];
    return `${printable(gateway)}: ${parts.join(', ')}`;
  });
}

function subfolders(path: string): string[] {
  if (!existsSync(path)) return [];
  return readdirSync(path, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => name);
}
