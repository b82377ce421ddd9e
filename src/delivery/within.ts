import { setTimeout as wait } from 'node:timers/promises';

/** The value of `promise`, or `undefined` when it takes longer than `ms`. */
export async function within<T>(ms: number, promise: Promise<T>): Promise<T | undefined> {
  const cancel = new AbortController();
  const timer = wait(ms, undefined, { signal: cancel.signal }).catch(() => undefined);
  try {
    return await Promise.race([promise, timer]);
  } finally {
    cancel.abort();
  }
}
