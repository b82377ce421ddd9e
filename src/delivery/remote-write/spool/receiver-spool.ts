import { existsSync, readdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileName, readName } from '../../../files/file-name.js';
import type { Log } from '../../../log.js';
import type { GroupingKey } from '../../grouping-key.js';
import type { SpoolLimits } from '../../spool/spool-limits.js';
import { type EntryFolder, entryFolderName, openEntryFolder, REJECTED } from './entry-folder.js';
import { readNames } from './names.js';

/** Beside the folders of gateways, which are named by their URLs. */
const ROAD = 'remote-write';

/** What waits for one receiver. */
export interface ReceiverSpool {
  group(key: GroupingKey): EntryFolder;
  /** The folders in which something waits, that of the oldest entry first. */
  pendingGroups(): EntryFolder[];
  /** Removes the oldest entries beyond the limits, but never `fresh`; returns how many. */
  trim(limits: SpoolLimits, fresh: string): number;
}

/** @param spool the folder of the spool; it need not exist yet. */
export function openReceiverSpool(spool: string, receiver: string, log: Log): ReceiverSpool {
  const path = join(spool, ROAD, fileName(receiver));
  const groups = (): string[] => subfolders(path).map((name) => join(path, name));
  return {
    group: (key) => openEntryFolder(join(path, entryFolderName(key)), log),
    pendingGroups: () =>
      groups()
        .map((folder) => ({ folder, oldest: readWaiting(folder)[0]?.name }))
        .filter(({ oldest }) => oldest !== undefined)
        .sort((a, b) => ((a.oldest ?? '') < (b.oldest ?? '') ? -1 : 1))
        .map(({ folder }) => openEntryFolder(folder, log)),
    trim(limits, fresh) {
      const all = groups();
      const waiting = all.flatMap((folder) => readWaiting(folder).map((each) => ({ ...each, folder })));
      waiting.sort((a, b) => (a.name === fresh ? -1 : b.name === fresh ? 1 : a.name < b.name ? 1 : -1));
      let bytes = 0;
      const excess = waiting.filter((each, index) => {
        bytes += each.bytes;
        return index > 0 && (index >= limits.entries || bytes > limits.bytes);
      });
      for (const { folder, name } of excess) rmSync(join(folder, name), { force: true });
      trimRejected(all, limits.entries);
      return excess.length;
    },
  };
}

/** How many entries wait, by receiver. */
export function pendingByReceiver(spool: string): { readonly receiver: string; readonly entries: number }[] {
  return subfolders(join(spool, ROAD))
    .map((name) => {
      const path = join(spool, ROAD, name);
      const counts = subfolders(path).map((group) => readWaiting(join(path, group)).length);
      return { receiver: readName(name), entries: counts.reduce((sum, count) => sum + count, 0) };
    })
    .filter(({ entries }) => entries > 0);
}

/** What a spool holds for one receiver. */
export interface ReceiverBacklog {
  /** Its name, without credentials. */
  readonly receiver: string;
  /** Runs that wait until the receiver has them. */
  readonly waiting: number;
  /** When the first of them ended, in seconds since the epoch. */
  readonly waitingSinceSeconds?: number;
  /** Runs, or parts of runs, that were refused or are damaged: they are kept, and never sent. */
  readonly setAside: number;
}

/**
 * What waits in a spool and what was set aside there, by receiver; changes nothing.
 *
 * @throws the system's error if the spool cannot be read. A folder that is not there holds nothing.
 */
export function readReceiverBacklog(spool: string): readonly ReceiverBacklog[] {
  return subfolders(join(spool, ROAD))
    .map((name) => {
      const groups = subfolders(join(spool, ROAD, name)).map((group) => join(spool, ROAD, name, group));
      const waiting = groups.flatMap(readWaiting);
      const setAside = groups
        .map((group) => join(group, REJECTED))
        .flatMap((rejected) => (existsSync(rejected) ? readdirSync(rejected) : []))
        .filter((file) => !file.endsWith('.reason') && !file.endsWith('.tmp'));
      const since =
        waiting.length === 0
          ? {}
          : { waitingSinceSeconds: Math.min(...waiting.map(({ times }) => times.endMs)) / 1000 };
      return { receiver: readName(name), waiting: waiting.length, ...since, setAside: setAside.length };
    })
    .filter(({ waiting, setAside }) => waiting > 0 || setAside > 0);
}

function readWaiting(folder: string) {
  return existsSync(folder) ? readNames(readdirSync(folder)).filter(({ waits }) => waits) : [];
}

/** What was set aside is bounded, too: an entry and its reason, the newest first. */
function trimRejected(folders: readonly string[], entries: number): void {
  const files = folders.flatMap((folder) => {
    const rejected = join(folder, REJECTED);
    if (!existsSync(rejected)) return [];
    return readdirSync(rejected).map((name) => join(rejected, name));
  });
  if (files.length <= 2 * entries) return;
  const writtenAtMs = (path: string): number => statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;
  const dated = files.map((path) => ({ path, at: writtenAtMs(path) })).sort((a, b) => b.at - a.at);
  for (const { path } of dated.slice(2 * entries)) rmSync(path, { force: true });
}

function subfolders(path: string): string[] {
  if (!existsSync(path)) return [];
  return readdirSync(path, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name);
}
