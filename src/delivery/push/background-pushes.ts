import type { GatewayClient } from '../client/gateway-client.js';
import { withDeadline, withTimeout } from '../deadline.js';
import type { GroupingKey } from '../grouping-key.js';
import { type Push, pushUnnamed } from './conflicting-families.js';

/** Pushes beside the running job: one at a time, each tried once, none that can keep the run waiting for long. */
export interface BackgroundPushes {
  /** Whether one is under way. */
  busy(): boolean;
  /** Begins to push what `metrics` gives, unless that is undefined; `onError` is told why it failed. */
  begin(metrics: GiveMetrics, onError: (error: unknown) => void): void;
  /** Waits a moment for the one under way, then breaks it off. */
  finish(budgetMs: number): Promise<void>;
}

type GiveMetrics = (signal: AbortSignal) => Promise<Pick<Push, 'outcome' | 'own'> | undefined>;

/** How long a push beside the job may take. */
const BACKGROUND_PUSH_MS = 5000;
/** How long the end push waits for a push that is under way before it breaks that off. */
const YIELD_MS = 1000;

export function createBackgroundPushes(client: GatewayClient, key: GroupingKey): BackgroundPushes {
  let current: { readonly done: Promise<void>; readonly cancel: AbortController } | undefined;

  const push = async (metrics: GiveMetrics, signal: AbortSignal): Promise<void> => {
    const given = await metrics(signal);
    if (given === undefined || signal.aborted) return;
    const request: Push = { key, method: 'POST', compress: true, ...given };
    const error = await withDeadline(BACKGROUND_PUSH_MS, (deadline) =>
      pushUnnamed(client, request, new Map(), { deadline, signal, once: true }),
    );
    if (error) throw error;
  };

  return {
    busy: () => current !== undefined,
    begin(metrics, onError) {
      const cancel = new AbortController();
      const done = push(metrics, cancel.signal)
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
