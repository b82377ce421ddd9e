/**
 * Milliseconds on a clock that nobody sets; only differences mean something. `performance.now()` is the same, but with
 * it Node loads all of `node:perf_hooks`.
 */
export function monotonicMs(): number {
  const [seconds, nanoseconds] = process.hrtime();
  return seconds * 1000 + nanoseconds / 1e6;
}

const ORIGIN_MS = Date.now() - monotonicMs();

/** Milliseconds since the epoch, with their fraction, by the clock as it stood when the process began. */
export function steadyTimeMs(): number {
  return ORIGIN_MS + monotonicMs();
}
