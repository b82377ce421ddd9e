import { describeThrown } from '../errors.js';
import type { MetricFamily } from '../exposition/family.js';
import type { Log } from '../log.js';
import { type Budget, type Deadline, withBudget, withDeadline } from './deadline.js';
import { PushError } from './http/push-error.js';
import type { DeliveryReport, EndedRun, JobMetrics, Target } from './target.js';

export interface DeliveryOptions {
  readonly targets: readonly Target[];
  /** Collects the job's own metrics; never rejects. */
  readonly collect: (deadline: Deadline) => Promise<JobMetrics>;
  readonly log: Log;
}

export interface TargetReport {
  readonly target: string;
  readonly verb?: string;
  readonly flushFlags?: Target['flushFlags'];
  readonly report: DeliveryReport;
}

/** A run's targets as one. No target's fault reaches the run or another target: none of the methods throws. */
export interface Delivery {
  prepare(stop: AbortSignal): Promise<readonly MetricFamily[] | undefined>;
  start(families: readonly MetricFamily[]): void;
  update(families: readonly MetricFamily[]): void;
  /**
   * Collects the job's own metrics and tells every target how the run ended. A report that a target knows stands,
   * whatever breaks after it. If none is known, the outcome alone is tried once more. All of it shares one budget.
   */
  end(run: EndOfRun, budget: Budget): Promise<readonly TargetReport[]>;
  /** Keeps the outcome on the disk, for each target that has no report yet. */
  abandon(run: EndOfRun): readonly TargetReport[];
  close(): void;
}

export type EndOfRun = Omit<EndedRun, 'jobMetrics'>;

/** What collecting the job's own metrics may take of the budget: the targets get the rest. */
const COLLECT_SHARE = 1 / 2;
/** What the targets get even if a job's collectors blocked the process for longer than the whole budget. */
const LEAST_PUSH_MS = 1000;

export function createDelivery({ targets, collect, log }: DeliveryOptions): Delivery {
  const known = new Map<Target, DeliveryReport>();

  const guard = <T>(target: Target, what: string, body: () => T): T | undefined => {
    try {
      return body();
    } catch (error) {
      log.warn(`${what} for ${target.name}: ${describeThrown(error)}`, {
        event: 'delivery_broke',
        target: target.name,
      });
      return undefined;
    }
  };

  const prepareOne = async (target: Target, stop: AbortSignal) => {
    try {
      return await target.prepare(stop);
    } catch (error) {
      // The base is read again at the end, and what is then wrong with the gateway is said then.
      const level = error instanceof PushError ? 'debug' : 'warn';
      log[level](`what ${target.name} holds was not read before the job: ${describeThrown(error)}`, {
        event: 'base_unread',
        target: target.name,
      });
      return undefined;
    }
  };

  const endOne = async (target: Target, run: EndedRun, deadline: Deadline): Promise<DeliveryReport> => {
    let settled: DeliveryReport | undefined;
    const settle = (report: DeliveryReport): void => {
      settled = report;
      known.set(target, report);
    };
    const attempt = async (given: EndedRun): Promise<DeliveryReport> => {
      const report = await target.end(given, { deadline, settle });
      settle(report);
      return report;
    };
    try {
      return await attempt(run);
    } catch (error) {
      const fault = faultOf(target, error);
      log.warn(fault.message, { event: 'delivery_broke', target: target.name });
      if (settled) return settled;
      try {
        const report = await attempt({ ...run, jobMetrics: { text: '', problem: fault } });
        return report.status === 'delivered' ? { status: 'outcome_only', error: fault } : report;
      } catch (second) {
        return settled ?? { status: 'failed', error: faultOf(target, second) };
      }
    }
  };

  const endAll = (run: EndedRun, deadline: Deadline): Promise<TargetReport[]> =>
    Promise.all(
      targets.map(async (target) => {
        const report = known.get(target) ?? (await endOne(target, run, deadline));
        known.set(target, report);
        return reportOf(target, report);
      }),
    );

  /** What broke around the targets costs no report that one of them knows; the others are told once more. */
  const endRest = async (run: EndedRun, withinMs: number): Promise<TargetReport[]> => {
    try {
      return await withDeadline(withinMs, (deadline) => endAll(run, deadline));
    } catch (error) {
      return targets.map((target) => ({
        target: target.name,
        report: known.get(target) ?? { status: 'failed', error: faultOf(target, error) },
      }));
    }
  };

  return {
    async prepare(stop) {
      const held = await Promise.all(targets.map((target) => prepareOne(target, stop)));
      return held.find((families) => families !== undefined);
    },
    start(families) {
      for (const target of targets) guard(target, 'the start was not pushed', () => target.start(families));
    },
    update(families) {
      for (const target of targets)
        guard(target, 'the metrics of the running job were not pushed', () => target.update(families));
    },
    async end(run, budget) {
      if (targets.length === 0) return [];
      const leastMs = Math.min(LEAST_PUSH_MS, budget.totalMs * (1 - COLLECT_SHARE));
      try {
        return await withBudget(budget, async (deadline) => {
          const jobMetrics = await collectInTime(collect, deadline);
          const endEach = (rest: Deadline) => endAll({ ...run, jobMetrics }, rest);
          return deadline.remainingMs() < leastMs ? withDeadline(leastMs, endEach) : endEach(deadline);
        });
      } catch (error) {
        const fault = new PushError('DELIVERY_BROKE', `delivering broke: ${describeThrown(error)}`, {
          retryable: false,
          cause: error,
        });
        log.warn(fault.message, { event: 'delivery_broke' });
        return endRest({ ...run, jobMetrics: { text: '', problem: fault } }, leastMs);
      }
    },
    abandon(run) {
      const lost: JobMetrics = {
        text: '',
        problem: new PushError('ABANDONED', "the job's own metrics were not collected", { retryable: false }),
      };
      return targets.map((target) => {
        try {
          const report = known.get(target) ?? target.abandon({ ...run, jobMetrics: lost });
          return reportOf(target, report);
        } catch (error) {
          return reportOf(target, { status: 'failed', error: faultOf(target, error) });
        }
      });
    },
    close() {
      for (const target of targets) guard(target, 'closing failed', () => target.close());
    },
  };
}

function reportOf({ name, verb, flushFlags }: Target, report: DeliveryReport): TargetReport {
  return { target: name, report, ...(verb ? { verb } : {}), ...(flushFlags ? { flushFlags } : {}) };
}

/** Of the deliveries of one run the one that went worst; without targets there is `none`. */
export function worstReport(reports: readonly TargetReport[]): DeliveryReport {
  const order = ['none', 'delivered', 'incomplete', 'outcome_only', 'failed'];
  return reports
    .map(({ report }) => report)
    .reduce(
      (worst, report) => (order.indexOf(report.status) > order.indexOf(worst.status) ? report : worst),
      {
        status: 'none',
      } as DeliveryReport,
    );
}

async function collectInTime(collect: DeliveryOptions['collect'], deadline: Deadline): Promise<JobMetrics> {
  const share = deadline.share(COLLECT_SHARE);
  try {
    return await collect(share);
  } catch (error) {
    const message = `the job's own metrics were not collected: ${describeThrown(error)}`;
    return { text: '', problem: new PushError('OWN_METRICS_REFUSED', message, { retryable: false }) };
  } finally {
    share.dispose();
  }
}

/** What broke inside a target, as a push failure. */
function faultOf(target: Target, error: unknown): PushError {
  if (error instanceof PushError) return error;
  return new PushError('DELIVERY_BROKE', `delivering to ${target.name} broke: ${describeThrown(error)}`, {
    retryable: false,
    cause: error,
  });
}
