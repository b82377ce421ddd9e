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
