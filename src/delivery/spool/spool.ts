import { existsSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileName, readName } from '../../files/file-name.js';
import type { Log } from '../../log.js';
import type { GroupingKey } from '../grouping-key.js';
import {
  type GroupFolder,
  groupFolderName,
  listAll,
  listFiles,
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
  /** Removes the oldest entries beyond the limits, but never `fresh`; returns how many. */
  trim(limits: SpoolLimits, fresh: string): number;
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
          entries: groups(name).reduce((sum, folder) => sum + listFiles(folder).length, 0),
        }))
        .filter(({ entries }) => entries > 0),
    trim(limits, fresh) {
      const files = gateways()
        .flatMap(groups)
        .flatMap(listFiles)
        .sort((a, b) => (a.name === fresh ? -1 : b.name === fresh ? 1 : b.writtenAtMs - a.writtenAtMs));
      let bytes = 0;
      const excess = files.filter((file, index) => {
        bytes += file.bytes;
        return index > 0 && (index >= limits.entries || bytes > limits.bytes);
      });
      for (const file of excess) rmSync(file.path, { force: true });
      trimRejected(gateways().flatMap(groups), limits.entries);
      return excess.length;
    },
  };
}

/** What was set aside is bounded, too: an entry, its reason and damaged files, the newest first. */
function trimRejected(folders: readonly string[], entries: number): void {
  const files = folders.flatMap((folder) => listAll(join(folder, REJECTED)));
  files.sort((a, b) => b.writtenAtMs - a.writtenAtMs);
  for (const { path } of files.slice(2 * entries)) rmSync(path, { force: true });
}

function subfolders(path: string): string[] {
  if (!existsSync(path)) return [];
  return readdirSync(path, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name);
}
