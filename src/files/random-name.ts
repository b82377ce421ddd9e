import { closeSync, openSync, readSync } from 'node:fs';

const BYTES = 8;

/** Random bytes that no name was made of: as many as a run needs are asked for at once. */
let unused = Buffer.alloc(0);

/** A name that nobody can foresee. */
export function randomName(): string {
  if (unused.length === 0) {
    unused = Buffer.alloc(8 * BYTES);
    if (!fillFromKernel(unused)) crypto.getRandomValues(unused);
  }
  const name = unused.toString('hex', 0, BYTES);
  unused = unused.subarray(BYTES);
  return name;
}

/** By the kernel's own file (Linux, macOS): to load Node's crypto takes a third of a short process' start. */
function fillFromKernel(bytes: Uint8Array): boolean {
  try {
    const file = openSync('/dev/urandom', 'r');
    try {
      return readSync(file, bytes) === bytes.length;
    } finally {
      closeSync(file);
    }
  } catch {
    return false;
  }
}
