import { describeThrown } from '../errors.js';
import { accumulate } from '../exposition/accumulate.js';
import type { MetricFamily } from '../exposition/family.js';
import { parseFamilies } from '../exposition/parse.js';
import { writeFamilies } from '../exposition/write.js';
import type { Log } from '../log.js';
import { type CollectOptions, collectOwn } from './collect-own.js';
import { type Deadline, startDeadline } from './deadline.js';
import type { GatewayClient, PushLimits } from './gateway-client.js';
import { formatKey, groupPath } from './grouping-key.js';
import { PushError } from './push-error.js';
import { type RunEntry, withBase } from './run-entry.js';
import { type SendReport, sendEntry } from './send-entry.js';
import { createSidePushes } from './side-pushes.js';
import type { RunSpool } from './spool/run-spool.js';

export interface DeliveryOptions extends CollectOptions {
  readonly client: GatewayClient;
  /** The final push of a success replaces the whole group. */
  readonly replace: boolean;
  /** The job's own counts go on from what the gateway holds. */
  readonly accumulate: boolean;
  /** Keeps end pushes until the gateway has them. */
  readonly spool?: RunSpool | undefined;
  readonly log: Log;
}

/** What became of a run's metrics; `none` is a run without a gateway. */
export type DeliveryReport = SendReport | { readonly status: 'none' };

export interface EndPush {
  /** The outcome's families, for a push with the job's own metrics and for one without. */
  readonly outcome: (metricsRejected: boolean) => readonly MetricFamily[];
  readonly startedAtMs: number;
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
  /**
   * Reads what the group holds, for counts to go on from: one try, before the run's first push of its own metrics.
   * Where it fails, the end push reads it.
   */
  readBase(limitMs: number): Promise<readonly MetricFamily[] | undefined>;
  /** One try beside the running job; a failure is one warning. */
  start(families: readonly MetricFamily[]): void;
  /** The job's own metrics while it runs, one try; skipped while another push is under way. */
  update(families: readonly MetricFamily[]): void;
  end(push: EndPush): Promise<SendReport>;
  close(): void;
}

/** What the pushes get even where a job's collectors blocked the process for longer than the whole budget. */
const LEAST_PUSH_MS = 1000;
const UPDATE_COLLECT_MS = 2000;
const FLUSH_ASIDE_MS = 30_000;

export function createDelivery(options: DeliveryOptions): Delivery {
  const { client, key, log } = options;
  const sidePushes = createSidePushes(client, groupPath(key));
  let base: readonly MetricFamily[] | undefined;
  let updatesRefused = false;

  return {
    async readBase(limitMs) {
      const deadline = startDeadline(limitMs);
      try {
        // What waits is part of what the counts go on from.
        if (options.spool?.hasPending() && !(await options.spool.flush({ deadline, once: true })))
          return undefined;
        base = await client.readGroup(key, { deadline, once: true });
      } catch (error) {
        log.warn(`what the gateway holds was not read before the job: ${describeThrown(error)}`);
      } finally {
        deadline.dispose();
      }
      return base;
    },

    start(families) {
      sidePushes.begin(
        async (signal) => {
          if (options.spool?.hasPending() && !(await flushAside(options.spool, signal))) return undefined;
          return writeFamilies(families);
        },
        (error) => log.warn(`the start of the run was not pushed: ${describeThrown(error)}`),
      );
    },

    update(families) {
      if (sidePushes.busy() || updatesRefused || (options.accumulate && !base) || options.spool?.hasPending())
        return;
      sidePushes.begin(
        async () => {
          const own = await collectOwn(options, UPDATE_COLLECT_MS);
          if (typeof own !== 'string') throw own;
          return writeFamilies(families) + (base ? writeFamilies(accumulate(base, parseFamilies(own))) : own);
        },
        (error) => {
          updatesRefused = !(error instanceof PushError && error.retryable);
          const next = updatesRefused ? '; the next push is the one at the end' : '';
          log.warn(`the metrics of the running job were not pushed: ${describeThrown(error)}${next}`);
        },
      );
    },

    async end(push) {
      const startMark = performance.now();
      await sidePushes.finish(push.budget.totalMs);
      const own = await collectOwn(options, push.budget.totalMs / 2);
      const leftMs = push.budget.totalMs - (performance.now() - startMark);
      const deadline = startDeadline(Math.max(Math.min(LEAST_PUSH_MS, push.budget.totalMs), leftMs));
      const unbind = shortenOnStop(deadline, push.budget);
      try {
        const limits = { deadline, onRetry: warnOnce(log) };
        const entry = toEntry(push, own);
        const report = await (options.spool?.send(entry, limits) ?? sendEntry(client, entry, limits));
        if (own instanceof PushError && report.status === 'delivered')
          return { status: 'outcome_only', error: own };
        if (report.status === 'failed' && report.refused) {
          log.error(`the job's own metrics were refused: ${report.refused.message}`);
        }
        return report;
      } finally {
        unbind();
        deadline.dispose();
      }
    },

    close: () => client.close(),
  };

  function toEntry({ outcome, startedAtMs, succeeded }: EndPush, own: string | PushError): RunEntry {
    const outcomeAlone = writeFamilies(outcome(true));
    const refused = own instanceof PushError;
    const entry: RunEntry = {
      key,
      startedAtMs,
      put: succeeded && options.replace && !refused,
      outcome: refused ? outcomeAlone : writeFamilies(outcome(false)),
      outcomeAlone,
      own: refused ? '' : own,
      accumulate: options.accumulate,
    };
    return base && options.accumulate ? withBase(entry, base) : entry;
  }
}

/** Of two deliveries of one run the one that went less well; one that was not asked for counts for nothing. */
export function worseReport(a: DeliveryReport, b: DeliveryReport): DeliveryReport {
  const order = ['none', 'delivered', 'outcome_only', 'failed'];
  return order.indexOf(b.status) > order.indexOf(a.status) ? b : a;
}

/** Where a run's metrics go, for people. */
export function describeTarget({ client, key }: Pick<DeliveryOptions, 'client' | 'key'>): string {
  return `${client.target} as ${formatKey(key)}`;
}

/** A start must not overtake what waits; where that cannot be sent beside the job, the end push will do it. */
async function flushAside(spool: RunSpool, signal: AbortSignal): Promise<boolean> {
  const deadline = startDeadline(FLUSH_ASIDE_MS);
  try {
    return await spool.flush({ deadline, signal, once: true });
  } finally {
    deadline.dispose();
  }
}

function shortenOnStop(deadline: Deadline, { stop, afterStopMs }: PushBudget): () => void {
  const onStop = (): void => deadline.shorten(afterStopMs);
  if (stop.aborted) onStop();
  stop.addEventListener('abort', onStop, { once: true });
  return () => stop.removeEventListener('abort', onStop);
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
