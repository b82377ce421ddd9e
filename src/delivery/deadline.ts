import { monotonicMs } from '../clock.js';

/** One end of time for all that follows; it can come nearer, never move away. */
export interface Deadline {
  remainingMs(): number;
  /** At most `ms` from now on. */
  shorten(ms: number): void;
  /** A part of what is left now; it comes nearer as this deadline does, and is never after it. */
  share(part: number): Deadline;
  /** Aborts when the deadline passes. */
  readonly signal: AbortSignal;
  dispose(): void;
}

export function startDeadline(ms: number): Deadline {
  const controller = new AbortController();
  let endsAt = monotonicMs() + ms;
  const arm = () => setTimeout(() => controller.abort(), Math.max(0, endsAt - monotonicMs()));
  let timer = arm();
  const shares = new Map<Deadline, number>();
  const remainingMs = (): number => Math.max(0, endsAt - monotonicMs());
  return {
    signal: controller.signal,
    remainingMs,
    shorten(toMs) {
      endsAt = Math.min(endsAt, monotonicMs() + toMs);
      clearTimeout(timer);
      timer = arm();
      for (const [share, part] of shares) share.shorten(remainingMs() * part);
    },
    share(part) {
      const share = startDeadline(remainingMs() * part);
      shares.set(share, part);
      return {
        ...share,
        dispose() {
          shares.delete(share);
          share.dispose();
        },
      };
    },
    dispose: () => clearTimeout(timer),
  };
}

/** The time for all that follows a job's end. */
export interface Budget {
  readonly totalMs: number;
  /** What is left of it from the moment that `stop` aborts, whenever that is. */
  readonly afterStopMs: number;
  readonly stop: AbortSignal;
}

/** Runs `body` with the one deadline of a budget. */
export function withBudget<T>(
  { totalMs, afterStopMs, stop }: Budget,
  body: (deadline: Deadline) => Promise<T>,
): Promise<T> {
  return withDeadline(totalMs, async (deadline) => {
    const onStop = (): void => deadline.shorten(afterStopMs);
    if (stop.aborted) onStop();
    stop.addEventListener('abort', onStop, { once: true });
    try {
      return await body(deadline);
    } finally {
      stop.removeEventListener('abort', onStop);
    }
  });
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
  let timer: NodeJS.Timeout | undefined;
  const passed = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), ms);
  });
  try {
    return await Promise.race([promise, passed]);
  } finally {
    clearTimeout(timer);
  }
}
