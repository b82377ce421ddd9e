import { existsSync, lstatSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { isLocked } from './lock.js';

/** No process writes a file, or makes a lock, for longer. */
const LEFT_AFTER_MS = 86_400_000;
/** As `writeDurably` and `takeLock` name what they make beside a file. */
const BESIDE = /\.[0-9a-f]{16}\.tmp$|(?:^|\.)lock\.\d+-[0-9a-f]{16}$/;

/**
 * Removes what killed processes left in a folder more than a day ago: temporary files, and the locks whose names
 * `isLock` knows. What cannot be removed stays.
 */
export function removeLeftovers(folder: string, isLock: RegExp): void {
  if (!existsSync(folder)) return;
  for (const name of readdirSync(folder)) {
    const isLeft = BESIDE.test(name) || (isLock.test(name) && !isLocked(folder, name));
    if (isLeft) removeOld(join(folder, name));
  }
}

function removeOld(path: string): void {
  try {
    const stat = lstatSync(path, { throwIfNoEntry: false });
    if (stat?.isFile() && Date.now() - stat.mtimeMs > LEFT_AFTER_MS) rmSync(path, { force: true });
  } catch {
    // It is in nobody's way.
  }
}
