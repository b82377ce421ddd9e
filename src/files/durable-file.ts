import { closeSync, fchmodSync, fsyncSync, openSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { randomName } from './random-name.js';

/**
 * Writes a file so that after a crash at any moment it is there whole or not at all: written beside, flushed to
 * the disk, renamed, and the folder flushed.
 *
 * @param mode of the file; by default only its owner can read it.
 *
 * @throws the system's error; what was written beside is removed.
 */
export function writeDurably(path: string, text: string, mode = 0o600): void {
  writeBeside(path, text, { mode, flush: fsyncSync, rename: (beside) => renameSync(beside, path) });
  flushFolder(dirname(path));
}

/**
 * Writes a file as `writeDurably` does, whose name is known only when all of it is on the disk.
 *
 * @param rename gives it its name, in the same folder.
 */
export function writeDurablyAs(folder: string, text: string, rename: (beside: string) => void): void {
  writeBeside(join(folder, 'new'), text, { mode: 0o600, flush: fsyncSync, rename });
  flushFolder(folder);
}

/**
 * Writes a file as `writeDurably` does, but a crash of the machine may bring back what was there before, or leave an empty
 * or damaged file. A crash of the process leaves it whole.
 */
export function writeWhole(path: string, text: string, mode = 0o600): void {
  writeBeside(path, text, { mode, flush: () => {}, rename: (beside) => renameSync(beside, path) });
}

interface Steps {
  readonly mode: number;
  readonly flush: (file: number) => void;
  readonly rename: (beside: string) => void;
}

function writeBeside(path: string, text: string, { mode, flush, rename }: Steps): void {
  const beside = `${path}.${randomName()}.tmp`;
  // Exclusively, which follows no link: where others may write, they may have put one there.
  const file = openSync(beside, 'wx', mode);
  try {
    try {
      // The process' umask must not take away what was asked for.
      fchmodSync(file, mode);
      writeFileSync(file, text);
      flush(file);
    } finally {
      closeSync(file);
    }
    rename(beside);
  } catch (error) {
    rmSync(beside, { force: true });
    throw error;
  }
}

/** Flushes a folder's list of names, so that a rename or removal in it outlasts a crash. */
export function flushFolder(path: string): void {
  const folder = openSync(path, 'r');
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
}
