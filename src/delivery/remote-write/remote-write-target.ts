import { describeThrown } from '../../errors.js';
import type { MetricFamily } from '../../exposition/family.js';
import { writeFamilies } from '../../exposition/write.js';
import type { Log } from '../../log.js';
import { LAST_START } from '../../outcome/batch-metrics.js';
import { type Deadline, withDeadline } from '../deadline.js';
import type { GroupingKey } from '../grouping-key.js';
import { PushError } from '../http/push-error.js';
import type { RetryLimits } from '../http/try-again.js';
import { type BackgroundLimits, createBackgroundPushes } from '../push/background-pushes.js';
import type { SpoolLimits } from '../spool/spool-limits.js';
import type { DeliveryReport, EndedRun, JobMetrics, Target } from '../target.js';
import type { Entry } from './entry/entry.js';
import { startSeries } from './entry/requests.js';
import { SAMPLE_FAR_AHEAD } from './receiver/answers.js';
import type { Receiver } from './receiver/receiver.js';
import { createRunSender, type FixedEntry } from './run-sender.js';
import { createUpdates } from './updates.js';

export interface RemoteWriteTargetOptions {
  readonly receiver: Receiver;
  readonly key: GroupingKey;
  /** Collects the job's own metrics while the job runs; never rejects. */
  readonly collect: (deadline: Deadline) => Promise<JobMetrics>;
  readonly spool: { readonly path: string; readonly limits: SpoolLimits } | undefined;
  readonly log: Log;
}

const UPDATE_COLLECT_MS = 2000;

/** A receiver of remote write. Each run is one sample, at its own time, with its own values. */
export function createRemoteWriteTarget(options: RemoteWriteTargetOptions): Target {
  const { receiver, key, log } = options;
  const { name: target } = receiver;
  const sender = createRunSender(options);
  const background = createBackgroundPushes((send: (limits: BackgroundLimits) => Promise<void>, limits) =>
    send(limits),
  );
  const updates = createUpdates();
  const startBeforeMs = sender.memory.newestStart();
  let start: { readonly timeMs: number; stored: boolean } | undefined;
  let fixed: FixedEntry | undefined;

  const fix = (run: EndedRun, problem: PushError | undefined): FixedEntry => {
    fixed ??= sender.fix(toEntry(run, problem), {
      startedAtMs: run.startedAtMs,
      completedAtMs: run.completedAtMs,
      succeeded: run.succeeded,
      startMs: start?.timeMs,
    });
    return fixed;
  };

  const toEntry = (run: EndedRun, problem: PushError | undefined): Entry => {
    const outcome = (problem ? run.loneOutcome : run.outcome)(problem !== undefined);
    return {
      key,
      startedAtMs: run.startedAtMs,
      startStored: (start?.stored ?? false) || overtaken(run),
      outcome: writeFamilies(outcome.filter(({ name }) => name !== LAST_START)),
      outcomeAlone: writeFamilies(run.loneOutcome(true).filter(({ name }) => name !== LAST_START)),
      own: problem ? '' : run.jobMetrics.text,
      begun: updates.begun(),
    };
  };

  /** Another run of the group began while this one ran: told now, the start of this one would move the last start back. */
  const overtaken = ({ startedAtMs, completedAtMs }: EndedRun): boolean => {
    const newestMs = sender.memory.newestStart();
    return newestMs > Math.max(startedAtMs, startBeforeMs, start?.timeMs ?? 0) && newestMs <= completedAtMs;
  };

  const sendStart = async (startedAtMs: number, limits: RetryLimits): Promise<void> => {
    if (fixed) return;
    const given = { timeMs: sender.memory.giveStart(startedAtMs), stored: false };
    start = given;
    const result = await receiver.send(startSeries({ key, startedAtMs }, given.timeMs), limits);
    given.stored = result.status === 'stored';
    if (result.status === 'stored') return;
    if (result.error.code === SAMPLE_FAR_AHEAD)
      sender.memory.forget({ startMs: given.timeMs, endMs: Number.POSITIVE_INFINITY });
    throw result.error;
  };

  const sendUpdate = async (text: string, limits: RetryLimits): Promise<void> => {
    const timeMs = sender.memory.giveSample(Date.now());
    try {
      await updates.send(receiver, key, text, timeMs, limits);
    } catch (error) {
      if (error instanceof PushError && error.code === SAMPLE_FAR_AHEAD)
        sender.memory.forget({ startMs: Number.POSITIVE_INFINITY, endMs: timeMs });
      throw error;
    }
  };

  return {
    name: target,
    flushFlags: receiver.flags ?? [],
    prepare: async () => undefined,

    start(families) {
      const startedAtMs = Math.round(firstValue(families, LAST_START) * 1000);
      background.begin(
        // What waits goes first, and the end says the start as well.
        async () => (sender.memory.isEmpty() ? (limits) => sendStart(startedAtMs, limits) : undefined),
        (error) =>
          log.debug(`the start of the run was not pushed: ${describeThrown(error)}`, {
            event: 'start_push_failed',
            target,
          }),
      );
    },

    update() {
      if (background.busy() || updates.refused()) return;
      background.begin(
        async () => {
          if (!sender.memory.isEmpty()) return undefined;
          const { text, problem } = await withDeadline(UPDATE_COLLECT_MS, options.collect);
          if (problem) throw problem;
          // Once the run has ended, an update would take a time after its end.
          return fixed ? undefined : (limits) => sendUpdate(text, limits);
        },
        (error) => {
          const said = `the metrics of the running job were not pushed: ${describeThrown(error)}`;
          if (error instanceof PushError && error.retryable)
            log.debug(said, { event: 'update_push_failed', target });
          else {
            updates.refuse();
            log.warn(`${said}; the next push is the one at the end`, { event: 'update_push_failed', target });
          }
        },
      );
    },

    async end(run, { deadline, settle }) {
      const { text, problem } = run.jobMetrics;
      const limits: RetryLimits = { deadline };
      if (fixed) return sender.sendAlone(withoutOwn(fixed), limits, start?.stored ?? false);
      // Before anything is waited for: from here on no end of the process loses the run.
      const entry = fix(run, problem);
      if (problem && text !== '')
        sender.setAside({ ...entry, entry: { ...entry.entry, own: text } }, problem.message);
      await background.finish(deadline.remainingMs());
      const report = withProblem(await sender.send(entry, limits, start?.stored ?? false), problem);
      settle(report);
      return report;
    },

    abandon(run) {
      const whole = fixed !== undefined;
      const { name } = fix(run, run.jobMetrics.problem);
      const lost = whole ? '' : " (the job's own metrics are lost)";
      const hint = name === undefined ? { hint: 'a spool would keep the outcome' } : {};
      const message = `the process ended before the push was over${lost}`;
      const error = new PushError('ABANDONED', message, { retryable: false, ...hint });
      return { status: 'failed', error, spooled: name !== undefined };
    },

    close: () => receiver.close(),
  };
}

/** An outcome that went without the job's own metrics is not a whole delivery. */
function withProblem(report: DeliveryReport, problem: PushError | undefined): DeliveryReport {
  return problem && report.status === 'delivered' ? { status: 'outcome_only', error: problem } : report;
}

function withoutOwn(fixed: FixedEntry): FixedEntry {
  return { ...fixed, entry: { ...fixed.entry, own: '' } };
}

function firstValue(families: readonly MetricFamily[], name: string): number {
  return families.find((family) => family.name === name)?.samples[0]?.value ?? 0;
}
