import { existsSync, readdirSync, rmSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileName, readName } from '../../files/file-name.js';
import { removeLeftovers } from '../../files/leftovers.js';
import { takeLock, tryLock } from '../../files/lock.js';
import type { Log } from '../../log.js';
import { createGiveWay } from '../give-way.js';
import type { GroupingKey } from '../grouping-key.js';
import {
  FOLD,
  type GroupFolder,
  groupFolderName,
  HOLD,
  holdName,
  listFolder,
  listNames,
  openGroupFolder,
  REJECTED,
} from './group-folder.js';
import type { SpoolLimits } from './spool-limits.js';

/** Entries of all gateways and groups below one folder. */
export interface Spool {
  readonly path: string;
  /** What waits for a group of a gateway. */
  group(gateway: string, key: GroupingKey): GroupFolder;
  /** The folders in which something waits, of one gateway. */
  pendingGroups(gateway: string): GroupFolder[];
  /** How many entries wait, by gateway. */
  pendingByGateway(): { gateway: string; entries: number }[];
  /**
   * Removes the oldest entries beyond the limits, but never `fresh`, nor those of a group that is being sent, nor those
   * whose runs wait to hear what becomes of them; resolves with how many. What killed processes left goes, too.
   */
  trim(limits: SpoolLimits, fresh: string): Promise<number>;
}

/** @param path of the spool; it need not exist yet. */
export function openSpool(path: string, log: Log): Spool {
  const gateways = (): string[] => subfolders(path);
  const groups = (gateway: string): string[] =>
    subfolders(join(path, gateway)).map((name) => join(path, gateway, name));
  return {
    path,
    group: (gateway, key) =>
      openGroupFolder(join(path, fileName(gateway), groupFolderName(key)), gateway, log),
    pendingGroups: (gateway) =>
      groups(fileName(gateway))
        .map((folder) => openGroupFolder(folder, gateway, log))
        .filter((folder) => !folder.isEmpty()),
    pendingByGateway: () =>
      gateways()
        .map((name) => ({
          gateway: readName(name),
          entries: groups(name).reduce((sum, folder) => sum + listNames(folder).length, 0),
        }))
        .filter(({ entries }) => entries > 0),
    async trim(limits, fresh) {
      const folders = gateways().flatMap(groups);
      const files = await listAll(folders, listNames);
      files.sort((a, b) => (a.name === fresh ? -1 : b.name === fresh ? 1 : b.writtenAtMs - a.writtenAtMs));
      let bytes = 0;
      const excess = files.filter((file, index) => {
        bytes += file.bytes;
        return index > 0 && (index >= limits.entries || bytes > limits.bytes);
      });
      let dropped = 0;
      for (const [folder, names] of byFolder(excess)) dropped += await dropFrom(folder, names);
      await trimRejected(folders, limits.entries);
      for (const folder of folders) {
        removeLeftovers(folder, HOLD);
        removeLeftovers(join(folder, REJECTED), HOLD);
      }
      return dropped;
    },
  };
}

/** What was set aside is bounded, too: an entry, its reason and damaged files, the newest first. */
async function trimRejected(folders: readonly string[], entries: number): Promise<void> {
  const files = await listAll(
    folders.map((folder) => join(folder, REJECTED)),
    listFolder,
  );
  files.sort((a, b) => b.writtenAtMs - a.writtenAtMs);
  await removeAll(files.slice(2 * entries));
}

/** A file of the spool, with its size in bytes. */
interface SpoolFile {
  readonly name: string;
  readonly path: string;
  readonly bytes: number;
  readonly writtenAtMs: number;
}

function byFolder(files: readonly SpoolFile[]): Map<string, SpoolFile[]> {
  const folders = new Map<string, SpoolFile[]>();
  for (const file of files) {
    const folder = dirname(file.path);
    const known = folders.get(folder);
    if (known) known.push(file);
    else folders.set(folder, [file]);
  }
  return folders;
}

/** Drops entries of a group, unless they are under way: then they go, or the next run drops them. */
async function dropFrom(folder: string, files: readonly SpoolFile[]): Promise<number> {
  const release = await takeLock(folder, AbortSignal.abort());
  if (!release) return 0;
  try {
    if (existsSync(join(folder, FOLD))) return 0;
    const giveWay = createGiveWay();
    let dropped = 0;
    for (const file of files) {
      await giveWay();
      if (dropOne(folder, file)) dropped++;
    }
    return dropped;
  } finally {
    release();
  }
}

/** An entry whose run waits for it is left. What a dead process held is taken over, so that one that lives after all sees it. */
function dropOne(folder: string, { name, path }: SpoolFile): boolean {
  const hold = existsSync(join(folder, holdName(name))) ? tryLock(folder, holdName(name)) : NOT_HELD;
  if (!hold) return false;
  try {
    rmSync(path, { force: true });
    return true;
  } finally {
    hold.release();
  }
}

const NOT_HELD = { release() {} };

async function listAll(
  folders: readonly string[],
  namesIn: (folder: string) => string[],
): Promise<SpoolFile[]> {
  const giveWay = createGiveWay();
  const files: SpoolFile[] = [];
  for (const folder of folders) {
    for (const name of namesIn(folder)) {
      await giveWay();
      const path = join(folder, name);
      const stat = statSync(path, { throwIfNoEntry: false });
      if (stat?.isFile()) files.push({ name, path, bytes: stat.size, writtenAtMs: stat.mtimeMs });
    }
  }
  return files;
}

async function removeAll(files: readonly SpoolFile[]): Promise<void> {
  const giveWay = createGiveWay();
  for (const { path } of files) {
    await giveWay();
    rmSync(path, { force: true });
  }
}

function subfolders(path: string): string[] {
  if (!existsSync(path)) return [];
  return readdirSync(path, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name);
}
