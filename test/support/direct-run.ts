import { startDeadline } from '../../src/delivery/deadline.js';
import { createGroupingKey, type Grouping } from '../../src/delivery/grouping-key.js';
import { openReceivers } from '../../src/delivery/remote-write/receiver/open-receivers.js';
import { createRemoteWriteTarget } from '../../src/delivery/remote-write/remote-write-target.js';
import type { DeliveryReport } from '../../src/delivery/target.js';
import { silentLog } from '../../src/log.js';
import { loneOutcomeFamilies, outcomeFamilies, startFamilies } from '../../src/outcome/batch-metrics.js';
import type { RunOutcome } from '../../src/outcome/outcome.js';
import { waitFor } from './wait-for.js';

/** A run that a test makes up: its times are the test's own. */
export interface MadeUpRun {
  readonly startedAtMs: number;
  readonly completedAtMs: number;
  readonly succeeded?: boolean;
  readonly records?: number;
  readonly stages?: RunOutcome['stages'];
  readonly dueAtMs?: number;
  /** The job's own metrics in the text format. */
  readonly own?: string;
  /** Whether its start is pushed, and the answer waited for. */
  readonly start?: boolean;
  /** What happens after its start. */
  readonly meanwhile?: () => Promise<unknown>;
  /** What the job has recorded when its metrics are pushed while it runs, and the answer waited for. */
  readonly update?: string;
}

export interface DirectRunOptions {
  readonly url: string;
  readonly job: string;
  readonly grouping?: Grouping;
  readonly spool?: string;
  readonly timeoutMs?: number;
}

/** Delivers a run by remote write, as a process of its own would. */
export async function directRun(
  { url, job, grouping = [], spool, timeoutMs = 5000 }: DirectRunOptions,
  run: MadeUpRun,
): Promise<DeliveryReport> {
  const [receiver] = await openReceivers({ remoteWrite: [url] }, silentLog, (error) => {
    throw error;
  });
  if (!receiver) throw new Error('expected a receiver');
  let requests = 0;
  const counted: typeof receiver = {
    ...receiver,
    async send(series, limits) {
      try {
        return await receiver.send(series, limits);
      } finally {
        requests++;
      }
    },
  };
  const target = createRemoteWriteTarget({
    receiver: counted,
    key: createGroupingKey(job, grouping),
    collect: async () => ({ text: run.update ?? '' }),
    spool: spool === undefined ? undefined : { path: spool, limits: { entries: 100_000, bytes: 2 ** 30 } },
    log: silentLog,
  });
  const { startedAtMs, completedAtMs, succeeded = true, records, stages = [], dueAtMs } = run;
  const outcome: RunOutcome = {
    ...(succeeded
      ? ({ status: 'succeeded', exitCode: 0 } as const)
      : ({ status: 'failed', error: 'made up', exitCode: 1 } as const)),
    startedAtMs,
    completedAtMs,
    durationSeconds: (completedAtMs - startedAtMs) / 1000,
    stages,
    ...(records === undefined ? {} : { recordsProcessed: records }),
  };
  const facts = dueAtMs === undefined ? {} : { dueAtMs };
  if (run.start) {
    target.start(startFamilies(startedAtMs));
    await waitFor('the start push', () => requests > 0);
  }
  if (run.update !== undefined) {
    const before = requests;
    target.update([]);
    await waitFor('the update', () => requests > before);
  }
  await run.meanwhile?.();
  const deadline = startDeadline(timeoutMs);
  try {
    return await target.end(
      {
        outcome: (metricsRejected) => outcomeFamilies(outcome, { metricsRejected, ...facts }),
        loneOutcome: (metricsRejected) => loneOutcomeFamilies(outcome, { metricsRejected, ...facts }),
        startedAtMs,
        completedAtMs,
        succeeded,
        jobMetrics: { text: run.own ?? '' },
      },
      { deadline, settle() {} },
    );
  } finally {
    deadline.dispose();
    target.close();
  }
}
