import type { GatewayClient } from '../client/gateway-client.js';
import { withDeadline, withTimeout } from '../deadline.js';

/** Pushes beside the running job: one at a time, each tried once, none that can keep the run waiting for long. */
export interface BackgroundPushes {
  /** Whether one is under way. */
  busy(): boolean;
  /** Begins to push what `text` gives, unless that is undefined; `onError` is told why it failed. */
  begin(text: (signal: AbortSignal) => Promise<string | undefined>, onError: (error: unknown) => void): void;
  /** Waits a moment for the one under way, then breaks it off. */
  finish(budgetMs: number): Promise<void>;
}

/** How long a push beside the job may take. */
const BACKGROUND_PUSH_MS = 5000;
/** How long the end push waits for a push that is under way before it breaks that off. */
const YIELD_MS = 1000;

export function createBackgroundPushes(client: GatewayClient, path: string): BackgroundPushes {
  let current: { readonly done: Promise<void>; readonly cancel: AbortController } | undefined;

  const push = async (
    text: (signal: AbortSignal) => Promise<string | undefined>,
    signal: AbortSignal,
  ): Promise<void> => {
    const body = await text(signal);
    if (body === undefined || signal.aborted) return;
    await withDeadline(BACKGROUND_PUSH_MS, (deadline) =>
      client.push({ method: 'POST', path, body, compress: true }, { deadline, signal, once: true }),
    );
  };

  return {
    busy: () => current !== undefined,
    begin(text, onError) {
      const cancel = new AbortController();
      const done = push(text, cancel.signal)
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
