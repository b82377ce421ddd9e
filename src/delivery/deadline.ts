import { setTimeout as wait } from 'node:timers/promises';

/** One end of time for all that follows; it can come nearer, never move away. */
export interface Deadline {
  remainingMs(): number;
  /** At most `ms` from now on. */
  shorten(ms: number): void;
  /** Aborts when the deadline passes. */
  readonly signal: AbortSignal;
  dispose(): void;
}

export function startDeadline(ms: number): Deadline {
  const controller = new AbortController();
  let endsAt = performance.now() + ms;
  const arm = () => setTimeout(() => controller.abort(), Math.max(0, endsAt - performance.now()));
  let timer = arm();
  return {
    signal: controller.signal,
    remainingMs: () => Math.max(0, endsAt - performance.now()),
    shorten(toMs) {
      endsAt = Math.min(endsAt, performance.now() + toMs);
      clearTimeout(timer);
      timer = arm();
    },
    dispose: () => clearTimeout(timer),
  };
}

/** Runs `body` with a deadline of its own. */
export async function withDeadline<T>(ms: number, body: (deadline: Deadline) => Promise<T>): Promise<T> {
  const deadline = startDeadline(ms);
  try {
    return await body(deadline);
  } finally {
    deadline.dispose();
  }
}

/** The value of `promise`, or `undefined` when it takes longer than `ms`. */
export async function withTimeout<T>(ms: number, promise: Promise<T>): Promise<T | undefined> {
  const cancel = new AbortController();
  const timer = wait(ms, undefined, { signal: cancel.signal }).catch(() => undefined);
  try {
    return await Promise.race([promise, timer]);
  } finally {
    cancel.abort();
  }
}
