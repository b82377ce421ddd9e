import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';

/** A path names something else than a file that can be read at once, or one that is too large. */
export class NoRegularFile extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'NoRegularFile';
  }
}

export interface ReadOptions {
  /** Whether to follow a link. Default: true. */
  readonly follow?: boolean;
  /** In bytes; a larger file is not read. Default: none. */
  readonly limit?: number;
}

const CHUNK_BYTES = 64 * 2 ** 10;

/**
 * The text of a regular file. A pipe is not waited for: nobody may ever write to it.
 *
 * @throws NoRegularFile, or the system's error.
 */
export function readRegularFile(path: string, options: ReadOptions = {}): string {
  const { follow = true, limit = Number.POSITIVE_INFINITY } = options;
  const file = openSync(
    path,
    constants.O_RDONLY | constants.O_NONBLOCK | (follow ? 0 : constants.O_NOFOLLOW),
  );
  try {
    // See `process/stderr.ts` for why not as numbers.
    const stat = fstatSync(file, { bigint: true });
    if (!stat.isFile()) throw new NoRegularFile(`expected a regular file, got ${describe(stat)}`);
    if (stat.size > limit) throw new NoRegularFile(`expected at most ${limit} bytes, got ${stat.size}`);
    const expected = Number(stat.size);
    const chunks: Buffer[] = [];
    // To its end rather than by its size, which what a kernel makes up on reading does not tell.
    for (let size = 0, read = -1; read !== 0 && size <= limit; size += read) {
      const chunk = Buffer.allocUnsafe(Math.max(expected - size, CHUNK_BYTES));
      read = readSync(file, chunk, 0, chunk.length, null);
      chunks.push(chunk.subarray(0, read));
    }
    return Buffer.concat(chunks).toString('utf8');
  } finally {
    closeSync(file);
  }
}

function describe(stat: { isFIFO(): boolean; isDirectory(): boolean }): string {
  if (stat.isDirectory()) return 'a folder';
  return stat.isFIFO() ? 'a pipe' : 'a device';
}
