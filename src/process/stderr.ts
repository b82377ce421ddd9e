import { constants, fstatSync, openSync, writeSync } from 'node:fs';
import { Writable } from 'node:stream';

/** This process' stderr, which never keeps it waiting for a reader that does not read. */
export interface Stderr {
  write(text: string): void;
  /** Writes what is left, for as long as the reader takes any of it within a second. For the end of the process. */
  finish(): void;
}

const AGAIN_MS = 20;
const STALLED_MS = 1000;
/** What waits for a slow reader is kept up to here, and no more after it. */
const LIMIT_BYTES = 64 * 2 ** 20;

/**
 * Opens it past Node's own stream, which would make a pipe non-blocking for everyone who writes to it: a command
 * that shares it would find its writes refused. A pipe or a terminal is opened once more instead, which is
 * non-blocking for this process alone (Linux, `/proc/self/fd`).
 */
export function openStderr(): Stderr {
  const fd = reopen();
  let waiting: Buffer[] = [];
  let bytes = 0;
  let timer: NodeJS.Timeout | undefined;

  /** Writes until the reader takes no more; says whether it took any. */
  const drain = (): boolean => {
    let progress = false;
    try {
      for (let head = waiting[0]; head; head = waiting[0]) {
        const written = writeSync(fd, head);
        progress = true;
        bytes -= written;
        if (written < head.length) waiting[0] = head.subarray(written);
        else waiting.shift();
      }
    } catch (error) {
      // A reader that went away must not break the job.
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') {
        waiting = [];
        bytes = 0;
      }
    }
    return progress;
  };
  const drainLater = (): void => {
    timer ??= setTimeout(() => {
      timer = undefined;
      drain();
      if (waiting.length > 0) drainLater();
    }, AGAIN_MS).unref();
  };

  return {
    write(text) {
      const line = Buffer.from(text);
      if (bytes + line.length > LIMIT_BYTES) return;
      waiting.push(line);
      bytes += line.length;
      if (timer === undefined) drain();
      if (waiting.length > 0) drainLater();
    },
    finish() {
      const clock = new Int32Array(new SharedArrayBuffer(4));
      for (let stalledMs = 0; waiting.length > 0 && stalledMs < STALLED_MS; stalledMs += AGAIN_MS) {
        if (drain()) stalledMs = 0;
        if (waiting.length > 0) Atomics.wait(clock, 0, 0, AGAIN_MS);
      }
    },
  };
}

/**
 * Node's network sockets look at `process.stderr` when they close (Node 20, `Socket._destroy`), and so make the
 * stream that must not be made; they then find this one.
 */
export function standInForStream({ write }: Stderr): void {
  const value = new Writable({
    write(chunk, _encoding, done) {
      write(String(chunk));
      done();
    },
  });
  Object.defineProperty(process, 'stderr', { value, configurable: true });
}

function reopen(): number {
  try {
    // As numbers, the stat of a pipe or a socket leaves a mark in an array that Node's `fs` shares, and `realpath` then
    // resolves no links any more (Node 20): a package in a folder of links would not load.
    const stat = fstatSync(2, { bigint: true });
    if (!stat.isFIFO() && !stat.isCharacterDevice()) return 2;
    return openSync('/proc/self/fd/2', constants.O_WRONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
  } catch {
    return 2;
  }
}
