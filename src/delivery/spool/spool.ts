import { existsSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Log } from '../../log.js';
import { type GroupingKey, groupPath } from '../grouping-key.js';
import { type GroupFolder, listFiles, openGroupFolder } from './group-folder.js';
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
  /** Removes the oldest entries beyond the limits; returns how many. */
  trim(limits: SpoolLimits): number;
}

/** @param path of the spool; it need not exist yet. */
export function openSpool(path: string, log: Log): Spool {
  const gateways = (): string[] => subfolders(path);
  const groups = (gateway: string): string[] =>
    subfolders(join(path, gateway)).map((name) => join(path, gateway, name));
  return {
    path,
    group: (gateway, key) =>
      openGroupFolder(join(path, encode(gateway), encode(groupPath(key))), gateway, log),
    pendingGroups: (gateway) =>
      groups(encode(gateway))
        .map((folder) => openGroupFolder(folder, gateway, log))
        .filter((folder) => !folder.isEmpty()),
    pendingByGateway: () =>
      gateways()
        .map((name) => ({
          gateway: decodeURIComponent(name),
          entries: groups(name).reduce((sum, folder) => sum + listFiles(folder).length, 0),
        }))
        .filter(({ entries }) => entries > 0),
    trim(limits) {
      const files = gateways()
        .flatMap(groups)
        .flatMap(listFiles)
        .sort((a, b) => (a.name < b.name ? 1 : -1));
      let bytes = 0;
      const excess = files.filter((file, index) => {
        bytes += file.bytes;
        return index > 0 && (index >= limits.entries || bytes > limits.bytes);
      });
      for (const file of excess) rmSync(file.path, { force: true });
      return excess.length;
    },
  };
}

/** A name that any file system takes: percent escapes, and a hash in place of what is too long. */
function encode(text: string): string {
  const encoded = encodeURIComponent(text).replaceAll('*', '%2A');
  if (encoded.length <= 200) return encoded;
  let hash = 0xcbf29ce484222325n;
  for (const byte of Buffer.from(text)) hash = BigInt.asUintN(64, (hash ^ BigInt(byte)) * 0x100000001b3n);
  return `${encoded.slice(0, 150).replace(/%.?$/, '')}~${hash.toString(16)}`;
}

function subfolders(path: string): string[] {
  if (!existsSync(path)) return [];
  return readdirSync(path, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name);
}
