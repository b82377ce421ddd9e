import { type Deadline, withDeadline, withTimeout } from '../deadline.js';

/** Pushes beside the running job: one at a time, each tried once, none that can keep the run waiting for long. */
export interface BackgroundPushes<T> {
  /** Whether one is under way. */
  busy(): boolean;
  /** Begins to push what `content` gives, unless that is undefined; `onError` is told why it failed. */
  begin(content: (signal: AbortSignal) => Promise<T | undefined>, onError: (error: unknown) => void): void;
  /** Waits a moment for the one under way, then breaks it off. */
  finish(budgetMs: number): Promise<void>;
}

/** The limits of a push beside the job. */
export interface BackgroundLimits {
  readonly deadline: Deadline;
  readonly signal: AbortSignal;
  readonly once: true;
}

/** How long a push beside the job may take. */
const BACKGROUND_PUSH_MS = 5000;
/** How long the end push waits for a push that is under way before it breaks that off. */
const YIELD_MS = 1000;

export function createBackgroundPushes<T>(
  send: (content: T, limits: BackgroundLimits) => Promise<void>,
): BackgroundPushes<T> {
  let current: { readonly done: Promise<void>; readonly cancel: AbortController } | undefined;

  const push = async (
    content: (signal: AbortSignal) => Promise<T | undefined>,
    signal: AbortSignal,
  ): Promise<void> => {
    const given = await content(signal);
    if (given === undefined || signal.aborted) return;
    await withDeadline(BACKGROUND_PUSH_MS, (deadline) => send(given, { deadline, signal, once: true }));
  };

  return {
    busy: () => current !== undefined,
    begin(content, onError) {
      const cancel = new AbortController();
      const done = push(content, cancel.signal)
        .catch((error: unknown) => {
          if (!cancel.signal.aborted) onError(error);
        })
        .finally(() => {
          current = undefined;
        });
      current = { cancel, done };
    },
    async finish(budgetMs) {
      if (!current) return;
      const { done, cancel } = current;
      const limitMs = Math.min(YIELD_MS, budgetMs / 4);
      await withTimeout(limitMs, done);
      cancel.abort();
      await withTimeout(limitMs, done);
    },
  };
}
