import { mkdirSync, rmSync, statSync } from 'node:fs';
import { monotonicMs } from '../clock.js';

/** Nothing done under it takes this long: whoever holds it for longer has ended. */
const STALE_MS = 2000;
const POLL_MS = 2;

/**
 * Runs `body` while no other process runs one under the same path. It waits without giving way, so `body` must be short
 * and must not wait for anything.
 *
 * @throws what `body` throws, or the system's error if there can be no lock.
 */
export function withShortLock<T>(path: string, body: () => T): T {
  const endsAt = monotonicMs() + STALE_MS;
  while (!take(path)) {
    if (monotonicMs() > endsAt || isStale(path)) rmSync(path, { recursive: true, force: true });
    else Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, POLL_MS);
  }
  try {
    return body();
  } finally {
    rmSync(path, { recursive: true, force: true });
  }
}

function take(path: string): boolean {
  try {
    mkdirSync(path, { mode: 0o700 });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

/** A time in the future is one of a clock that was set back since. */
function isStale(path: string): boolean {
  const madeAtMs = statSync(path, { throwIfNoEntry: false })?.mtimeMs;
  return madeAtMs !== undefined && Math.abs(Date.now() - madeAtMs) > STALE_MS;
}
