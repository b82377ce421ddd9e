import { lstatSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { writeWhole } from '../../files/durable-file.js';
import type { Log } from '../../log.js';

/** A file in the folder, made when the warning was given. */
const WARNED = '.prombatch-warned';

/**
 * Warns root of a folder that others may write to, once a day: they can replace what root writes, and node_exporter then
 * shows it. Never throws: what is wrong with the folder is said when a file is written.
 */
export function warnOfOpenFolder(folder: string, warn: Log['warn']): void {
  try {
    if (!isOpen(folder) || wasWarnedToday(folder)) return;
    warn(`${folder} can be written to by others than root`, {
      event: 'textfile_folder_open',
      target: folder,
      hint: `they can change what is shown of this job: chown root ${folder} && chmod go-w ${folder}`,
    });
    writeWhole(join(folder, WARNED), '');
  } catch {
    // It is said again with the next run.
  }
}

function isOpen(folder: string): boolean {
  const stat = statSync(folder, { throwIfNoEntry: false });
  return process.getuid?.() === 0 && stat !== undefined && (stat.uid !== 0 || (stat.mode & 0o022) !== 0);
}

function wasWarnedToday(folder: string): boolean {
  const warnedAt = lstatSync(join(folder, WARNED), { throwIfNoEntry: false })?.mtime;
  return warnedAt?.toDateString() === new Date().toDateString();
}
