import { monotonicMs } from '../clock.js';
/** Measures one run: wall-clock times for Prometheus, durations by the monotonic clock. */
export interface Stopwatch {
  readonly startedAtMs: number;
  /** Times `body` under `name`, however it ends. */
  stage<T>(name: string, body: () => T | Promise<T>): Promise<T>;
  /** The reading now; a stage that still runs counts up to now. */
  read(): StopwatchReading;
}

export interface StopwatchReading {
  readonly startedAtMs: number;
  readonly completedAtMs: number;
  readonly durationSeconds: number;
  readonly stages: readonly (readonly [stage: string, seconds: number])[];
}

export function startStopwatch(): Stopwatch {
  const startedAtMs = Date.now();
  const startMark = monotonicMs();
  const closed = new Map<string, number>();
  const open = new Set<{ readonly name: string; readonly mark: number }>();

  return {
    startedAtMs,
    async stage(given, body) {
      if (typeof given !== 'string' || given === '')
        throw new TypeError('stage: expected a name for the stage');
      // Half a surrogate pair has no form in UTF-8, and the gateway would refuse the whole push.
      const name = given.toWellFormed();
      const running = { name, mark: monotonicMs() };
      open.add(running);
      closed.set(name, closed.get(name) ?? 0);
      try {
        return await body();
      } finally {
        open.delete(running);
        closed.set(name, (closed.get(name) ?? 0) + monotonicMs() - running.mark);
      }
    },
    read() {
      const now = monotonicMs();
      const stages = new Map(closed);
      for (const { name, mark } of open) stages.set(name, (stages.get(name) ?? 0) + now - mark);
      return {
        startedAtMs,
        completedAtMs: completionTime(startedAtMs, now - startMark, Date.now()),
        durationSeconds: toSeconds(now - startMark),
        stages: [...stages].map(([name, ms]) => [name, toSeconds(ms)]),
      };
    },
  };
}

/**
 * When a run ended, in milliseconds since the epoch: by the clock, but never before start plus duration, so
 * that a clock set back during the run cannot make the start newer than the completion.
 */
export function completionTime(startedAtMs: number, durationMs: number, clockMs: number): number {
  return Math.max(clockMs, Math.round(startedAtMs + durationMs));
}

function toSeconds(ms: number): number {
  return Math.round(ms * 1000) / 1_000_000;
}
