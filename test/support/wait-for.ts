import { setTimeout as pause } from 'node:timers/promises';

/** Asks again and again until `probe` gives something, and fails with `what` when it never does. */
export async function waitFor<T>(
  what: string,
  probe: () => T | Promise<T>,
  limitMs = 20_000,
): Promise<Exclude<NonNullable<T>, false>> {
  const end = performance.now() + limitMs;
  let last: unknown;
  while (performance.now() < end) {
    try {
      const value = await probe();
      if (value) return value as Exclude<NonNullable<T>, false>;
    } catch (error) {
      last = error;
    }
    await pause(20);
  }
  throw new Error(`waited ${limitMs}ms for ${what}`, { cause: last });
}
