import { setTimeout as wait } from 'node:timers/promises';
import { describeThrown } from '../errors.js';
import type { MetricFamily } from '../exposition/family.js';
import { writeFamilies } from '../exposition/write.js';
import type { Log } from '../log.js';
import { startDeadline } from './deadline.js';
import type { GatewayClient, PushLimits } from './gateway-client.js';
import { formatKey, type GroupingKey, groupPath } from './grouping-key.js';
import { findOwnMetricsProblem } from './own-metrics.js';
import { PushError } from './push-error.js';
import { describeRejection } from './rejection.js';

export interface DeliveryOptions {
  readonly client: GatewayClient;
  readonly key: GroupingKey;
  /** Family names that the job's own metrics must not use. */
  readonly reserved: readonly string[];
  /** Collects the job's own metrics in the text format. */
  readonly collect: () => string | Promise<string>;
  /** The final push of a success replaces the whole group. */
  readonly replace: boolean;
  readonly log: Log;
}

/** What became of a run's end push. */
export type DeliveryReport =
  | { readonly status: 'delivered' }
  /** The outcome was stored, the job's own metrics were refused. */
  | { readonly status: 'outcome_only'; readonly error: PushError }
  /** Nothing was stored. */
  | { readonly status: 'failed'; readonly error: PushError }
  /** There is no gateway to push to. */
  | { readonly status: 'none' };

export interface EndPush {
  /** The outcome's families, for a push with the job's own metrics and for one without. */
  readonly outcome: (metricsRejected: boolean) => readonly MetricFamily[];
  readonly succeeded: boolean;
  readonly budget: PushBudget;
}

/** How long a run's end may wait for its gateway. */
export interface PushBudget {
  /** For everything after the job's end. */
  readonly totalMs: number;
  /** From the moment that `stop` aborts, if it does. */
  readonly afterStopMs: number;
  readonly stop: AbortSignal;
}

/** A run's pushes to its group. They never overlap, and none but the end push can keep the run waiting. */
export interface Delivery {
  /** One try beside the running job; a failure is one warning. */
  start(families: readonly MetricFamily[]): void;
  /** The job's own metrics while it runs, one try; skipped while another push is under way. */
  update(families: readonly MetricFamily[]): void;
  end(push: EndPush): Promise<DeliveryReport>;
  close(): void;
}

/** How long a push beside the job may take. */
const SIDE_PUSH_MS = 5000;
/** How long the end push waits for a push that is under way before it breaks that off. */
const YIELD_MS = 1000;
/** What the pushes get even where a job's collectors blocked the process for longer than the whole budget. */
const LEAST_PUSH_MS = 1000;

export function createDelivery(options: DeliveryOptions): Delivery {
  const { client, key, log } = options;
  const path = groupPath(key);
  let sidePush: { readonly done: Promise<void>; readonly cancel: AbortController } | undefined;
  let updatesRefused = false;

  const pushAside = (body: () => string | Promise<string>, onError: (error: unknown) => void): void => {
    const cancel = new AbortController();
    const deadline = startDeadline(SIDE_PUSH_MS);
    const push = async (): Promise<void> => {
      try {
        const request = { method: 'POST', path, body: await body(), compress: true } as const;
        if (!cancel.signal.aborted) {
          await client.push(request, { deadline, signal: cancel.signal, once: true });
        }
      } catch (error) {
        if (!cancel.signal.aborted) onError(error);
      } finally {
        deadline.dispose();
        sidePush = undefined;
      }
    };
    sidePush = { done: push(), cancel };
  };

  const finishSidePush = async (budgetMs: number): Promise<void> => {
    if (!sidePush) return;
    const { done, cancel } = sidePush;
    const limit = Math.min(YIELD_MS, budgetMs / 4);
    await within(limit, done);
    cancel.abort();
    await within(limit, done);
  };

  return {
    start(families) {
      pushAside(
        () => writeFamilies(families),
        (error) =>
          log.warn(`the start of the run was not pushed: ${describeThrown(error)}`, pushFields(error)),
      );
    },

    update(families) {
      if (sidePush || updatesRefused) return;
      pushAside(
        async () => {
          const own = endWithNewline(await options.collect());
          const problem = findOwnMetricsProblem(own, key, options.reserved);
          if (problem) throw ownMetricsError(problem);
          return writeFamilies(families) + own;
        },
        (error) => {
          updatesRefused = !(error instanceof PushError && error.retryable);
          const next = updatesRefused ? '; the next push is the one at the end' : '';
          log.warn(`the metrics of the running job were not pushed: ${describeThrown(error)}${next}`);
        },
      );
    },

    async end({ outcome, succeeded, budget }) {
      const startMark = performance.now();
      await finishSidePush(budget.totalMs);
      const own = await collectOwn(options, budget.totalMs / 2);
      const leftMs = budget.totalMs - (performance.now() - startMark);
      const deadline = startDeadline(Math.max(LEAST_PUSH_MS, leftMs));
      const onStop = (): void => deadline.shorten(budget.afterStopMs);
      if (budget.stop.aborted) onStop();
      budget.stop.addEventListener('abort', onStop, { once: true });
      try {
        return await pushEnd(outcome, succeeded, own, { deadline, onRetry: warnOnce(log) });
      } finally {
        budget.stop.removeEventListener('abort', onStop);
        deadline.dispose();
      }
    },

    close: () => client.close(),
  };

  async function pushEnd(
    outcome: EndPush['outcome'],
    succeeded: boolean,
    own: string | PushError,
    limits: PushLimits,
  ): Promise<DeliveryReport> {
    if (typeof own === 'string') {
      const body = writeFamilies(outcome(false)) + own;
      const method = succeeded && options.replace ? 'PUT' : 'POST';
      const error = await attempt(client, { method, path, body, compress: true }, limits);
      if (!error) return { status: 'delivered' };
      if (own === '' || !isRefusedBody(error)) return { status: 'failed', error };
      return deliverAlone(describeRejection(error, body));
    }
    return deliverAlone(own);

    /** The outcome must get through, so it goes uncompressed: any gateway and any proxy can read that. */
    async function deliverAlone(refusal: PushError): Promise<DeliveryReport> {
      const body = writeFamilies(outcome(true));
      const error = await attempt(client, { method: 'POST', path, body, compress: false }, limits);
      if (!error) return { status: 'outcome_only', error: refusal };
      log.error(`the job's own metrics were refused: ${refusal.message}`);
      return { status: 'failed', error };
    }
  }
}

/** Where a run's metrics go, for people. */
export function describeTarget({ client, key }: Pick<DeliveryOptions, 'client' | 'key'>): string {
  return `${client.target} as ${formatKey(key)}`;
}

async function attempt(
  client: GatewayClient,
  request: Parameters<GatewayClient['push']>[0],
  limits: PushLimits,
): Promise<PushError | undefined> {
  try {
    await client.push(request, limits);
    return undefined;
  } catch (error) {
    if (error instanceof PushError) return error;
    throw error;
  }
}

/** The job's own metrics as they can be pushed, or why they cannot. */
async function collectOwn(options: DeliveryOptions, limitMs: number): Promise<string | PushError> {
  let own: string | undefined;
  try {
    own = await within(limitMs, Promise.resolve(options.collect()));
  } catch (error) {
    return ownMetricsError(`collecting them failed: ${describeThrown(error)}`);
  }
  if (own === undefined) return ownMetricsError(`collecting them took more than ${Math.round(limitMs)}ms`);
  if (typeof own !== 'string') return ownMetricsError('metrics() gave no text');
  const text = endWithNewline(own);
  const problem = findOwnMetricsProblem(text, options.key, options.reserved);
  return problem ? ownMetricsError(problem) : text;
}

function ownMetricsError(problem: string): PushError {
  return new PushError('OWN_METRICS_REFUSED', `the job's own metrics cannot be pushed: ${problem}`, {
    retryable: false,
    hint: 'the outcome of the run does not depend on them and goes alone',
  });
}

/**
 * Whether an answer may be about what was pushed, as 400 and 413 are, and 415 of a proxy that knows no gzip: the
 * outcome alone may then still be taken. It cannot where the answer is about who pushes, or where to.
 */
function isRefusedBody({ status = 0, retryable }: PushError): boolean {
  return status >= 400 && status < 500 && !retryable && ![401, 403, 404, 405, 407].includes(status);
}

function endWithNewline(text: string): string {
  const trimmed = text.trimEnd();
  return trimmed === '' ? '' : `${trimmed}\n`;
}

/** The value of `promise`, or `undefined` when it takes longer. */
async function within<T>(ms: number, promise: Promise<T>): Promise<T | undefined> {
  const cancel = new AbortController();
  const timer = wait(ms, undefined, { signal: cancel.signal }).catch(() => undefined);
  try {
    return await Promise.race([promise, timer]);
  } finally {
    cancel.abort();
  }
}

function warnOnce(log: Log): NonNullable<PushLimits['onRetry']> {
  let warned = false;
  return (error) => {
    if (warned) return;
    warned = true;
    log.warn(`push failed, trying again: ${error.message}`, pushFields(error));
  };
}

function pushFields(error: unknown): { hint?: string | undefined } {
  return error instanceof PushError ? { hint: error.hint } : {};
}
