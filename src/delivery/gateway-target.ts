import { describeThrown } from '../errors.js';
import { accumulate } from '../exposition/accumulate.js';
import type { MetricFamily } from '../exposition/family.js';
import { parseFamilies } from '../exposition/parse.js';
import { writeFamilies } from '../exposition/write.js';
import type { Log } from '../log.js';
import type { GatewayClient } from './client/gateway-client.js';
import { type Deadline, withDeadline } from './deadline.js';
import type { GroupingKey } from './grouping-key.js';
import { PushError } from './http/push-error.js';
import { type BackgroundLimits, createBackgroundPushes } from './push/background-pushes.js';
import { type Push, pushUnnamed } from './push/conflicting-families.js';
import { withAlso } from './push/rejection.js';
import { type RunEntry, withBase } from './push/run-entry.js';
import { sendUnkept } from './push/send-entry.js';
import type { RunSpool } from './spool/run-spool.js';
import type { DeliveryReport, EndedRun, JobMetrics, Target } from './target.js';

export interface GatewayTargetOptions {
  readonly client: GatewayClient;
  readonly key: GroupingKey;
  /** Collects the job's own metrics while the job runs; never rejects. */
  readonly collect: (deadline: Deadline) => Promise<JobMetrics>;
  readonly mode: {
    /** The final push of a success replaces the whole group. */
    readonly replace: boolean;
    /** The job's own counts go on from what the gateway holds. */
    readonly accumulate: boolean;
  };
  /** Keeps end pushes until the gateway has them. */
  readonly spool: RunSpool | undefined;
  readonly log: Log;
}

/** How long a job, or an update of its metrics, may be kept waiting for what the gateway holds. */
const PREPARE_MS = 2000;
const UPDATE_COLLECT_MS = 2000;
/** Meanwhile no other run of the group can push. */
const BACKGROUND_FLUSH_MS = 5000;

/** A group of a Pushgateway. The pushes of a run never overlap, and only the end push can keep the run waiting. */
export function createGatewayTarget(options: GatewayTargetOptions): Target {
  const { client, key, mode, spool, log } = options;
  const { target } = client;
  const backgroundPushes = createBackgroundPushes(
    async (given: Pick<Push, 'outcome' | 'own'>, limits: BackgroundLimits) => {
      const request: Push = { key, method: 'POST', compress: true, ...given };
      const error = await pushUnnamed(client, request, new Map(), limits);
      if (error) throw error;
    },
  );
  /** What the updates go on from. Once it is set, the group may hold this run's counts on top of it. */
  let base: readonly MetricFamily[] | undefined;
  let updatesRefused = false;
  let ended = false;

  return {
    name: target,

    async prepare(stop) {
      if (!mode.accumulate) return undefined;
      return withDeadline(PREPARE_MS, async (deadline) => {
        const limits = { deadline, signal: stop, once: true };
        // What waits is part of what the counts go on from.
        if (spool?.hasPending() && !(await spool.flush(limits))) return undefined;
        return client.readGroup(key, limits);
      });
    },

    start(families) {
      backgroundPushes.begin(
        async (signal) => ((await nothingWaits(signal)) ? { outcome: families, own: '' } : undefined),
        // The end push says the start as well.
        (error) =>
          log.debug(`the start of the run was not pushed: ${describeThrown(error)}`, {
            event: 'start_push_failed',
            target,
          }),
      );
    },

    update(families) {
      if (backgroundPushes.busy() || updatesRefused) return;
      backgroundPushes.begin(
        async (signal) => {
          if (!(await nothingWaits(signal))) return undefined;
          const { text, problem } = await withDeadline(UPDATE_COLLECT_MS, (deadline) => {
            signal.addEventListener('abort', () => deadline.shorten(0), { once: true });
            return options.collect(deadline);
          });
          if (problem) throw problem;
          const held = mode.accumulate ? (base ?? (await readBase(signal))) : undefined;
          // The entry of the end says by now what its counts go on from: an update after it would be counted twice.
          if (ended) return undefined;
          base = held;
          return { outcome: families, own: goOn(held, text) };
        },
        (error) => {
          updatesRefused = !(error instanceof PushError && error.retryable);
          const said = `the metrics of the running job were not pushed: ${describeThrown(error)}`;
          if (updatesRefused)
            log.warn(`${said}; the next push is the one at the end`, { event: 'update_push_failed', target });
          else log.debug(said, { event: 'update_push_failed', target });
        },
      );
    },

    async end(run, { deadline, settle }) {
      ended = true;
      const { text, problem } = run.jobMetrics;
      // The whole run is kept if a first try of this broke: its own metrics wait, and are not lost.
      const kept = spool?.isKept() ?? false;
      const entry = toEntry(run, problem !== undefined && !kept);
      if (problem && text !== '') spool?.setAside({ ...entry, own: text }, problem.message);
      // Before anything is waited for: from here on no end of the process loses the run.
      const waits = !kept && (spool?.keep(entry) ?? false);
      await backgroundPushes.finish(deadline.remainingMs());

      const settleChecked = (report: DeliveryReport): DeliveryReport => {
        const checked = withProblem(report, problem, kept);
        settle(checked);
        return checked;
      };
      const limits = { deadline };
      const report = settleChecked(
        spool && waits
          ? await spool.send(limits, (known) => void settleChecked(known))
          : await sendUnkept(client, entry, limits),
      );
      if (report.status === 'failed' && report.refused) {
        log.error(`the job's own metrics were refused: ${report.refused.message}`, {
          event: 'metrics_refused',
          target,
        });
      }
      return report;
    },

    abandon(run) {
      const whole = spool?.isKept() ?? false;
      const spooled = whole || (spool?.keep(toEntry(run, true)) ?? false);
      spool?.close();
      const lost = whole ? '' : " (the job's own metrics are lost)";
      const message = `the process ended before the push was over${lost}`;
      const hint = spool ? undefined : { hint: 'a spool would keep the outcome' };
      return {
        status: 'failed',
        error: new PushError('ABANDONED', message, { retryable: false, ...hint }),
        spooled,
      };
    },

    close() {
      spool?.close();
      client.close();
    },
  };

  /** A push beside the job must not overtake what waits; if that cannot be sent now, the end push sends it. */
  async function nothingWaits(signal: AbortSignal): Promise<boolean> {
    if (!spool?.hasPending()) return true;
    return withDeadline(BACKGROUND_FLUSH_MS, (deadline) => spool.flush({ deadline, signal, once: true }));
  }

  /** What the updates of a run go on from: other runs may have counted since this one began. */
  function readBase(signal: AbortSignal): Promise<readonly MetricFamily[]> {
    return withDeadline(PREPARE_MS, (deadline) => client.readGroup(key, { deadline, signal, once: true }));
  }

  function toEntry(run: EndedRun, rejected: boolean): RunEntry {
    const { outcome, loneOutcome, startedAtMs, succeeded, jobMetrics } = run;
    const alone = jobMetrics.problem !== undefined;
    const entry: RunEntry = {
      key,
      startedAtMs,
      put: succeeded && mode.replace && !alone,
      outcome: writeFamilies((alone ? loneOutcome : outcome)(rejected)),
      own: alone ? '' : jobMetrics.text,
      accumulate: mode.accumulate,
    };
    // Without updates it is read again when the entry is sent: other runs may have counted since.
    return base ? withBase(entry, base) : entry;
  }
}

/** The job's own metrics with their counts going on from `base`, if there is one. */
function goOn(base: readonly MetricFamily[] | undefined, text: string): string {
  return base ? writeFamilies(accumulate(base, parseFamilies(text))) : text;
}

/** An outcome that went without the job's own metrics is not a whole delivery. */
function withProblem(
  report: DeliveryReport,
  problem: PushError | undefined,
  spooled: boolean,
): DeliveryReport {
  if (problem && report.status === 'delivered') return { status: 'outcome_only', error: problem, spooled };
  if (problem && report.status === 'incomplete') {
    return { status: 'outcome_only', error: withAlso(problem, report.error), spooled };
  }
  return report.status === 'failed' && spooled ? { ...report, spooled } : report;
}
