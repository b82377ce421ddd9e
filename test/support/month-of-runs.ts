import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startDeadline } from '../../src/delivery/deadline.js';
import { openReceivers } from '../../src/delivery/remote-write/receiver/open-receivers.js';
import type { Series } from '../../src/delivery/remote-write/wire/series.js';
import { silentLog } from '../../src/log.js';
import { directRun } from './direct-run.js';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;

/** A run of a month that a test made up. */
export interface RunOfMonth {
  readonly startedAtMs: number;
  readonly completedAtMs: number;
  readonly succeeded: boolean;
  readonly records: number;
  /** By when the next success was due; told by a success only. */
  readonly dueAtMs: number;
}

export interface JobOfMonth {
  /** What tells the job's series from others: `job`, and its grouping labels. */
  readonly labels: Readonly<Record<string, string>> & { readonly job: string };
  /** By time. */
  readonly runs: readonly RunOfMonth[];
  readonly retiredAtMs?: number;
  /** Runs that are delivered after all others, by their place. */
  readonly late?: readonly number[];
}

/** The thirty days until a time, with all that ran in them. */
export interface Month {
  readonly fromMs: number;
  readonly toMs: number;
  readonly jobs: readonly JobOfMonth[];
}

interface Plan {
  readonly labels: JobOfMonth['labels'];
  readonly everyMs: number;
  /** Days of the month. */
  readonly from?: number;
  readonly to?: number;
  /** Days on which nothing ran. */
  readonly silent?: readonly [from: number, to: number];
  readonly failing: number;
  readonly retiredOn?: number;
  readonly late?: readonly number[];
}

const PLANS: readonly Plan[] = [
  { labels: { job: 'sync' }, everyMs: 3 * HOUR, failing: 0.1, silent: [20, 21], late: [30, 31, 77] },
  { labels: { job: 'nightly', shard: 'a' }, everyMs: DAY, failing: 0.3, silent: [10, 14] },
  { labels: { job: 'nightly', shard: 'b' }, everyMs: DAY, failing: 0, late: [3] },
  { labels: { job: 'old_report' }, everyMs: 12 * HOUR, to: 10, failing: 0.2, retiredOn: 11 },
  // Retired long after its last run.
  { labels: { job: 'gone' }, everyMs: DAY, to: 0, failing: 0, retiredOn: 1 },
  // Retired, and started again.
  { labels: { job: 'returned' }, everyMs: DAY, failing: 0.1, silent: [9, 20], retiredOn: 12 },
];

/** A month of runs that ends at a time. The same seed gives the same runs. */
export function makeMonth(toMs: number, seed = 1): Month {
  const fromMs = toMs - 30 * DAY;
  const random = createRandom(seed);
  const jobs = PLANS.map((plan) => {
    const { labels, everyMs, from = 0, to = 30, silent = [0, 0], failing, retiredOn, late } = plan;
    const runs: RunOfMonth[] = [];
    for (let at = fromMs + from * DAY + HOUR; at < fromMs + to * DAY - HOUR; at += everyMs) {
      if (at >= fromMs + silent[0] * DAY && at < fromMs + silent[1] * DAY) continue;
      // An odd millisecond, so that no run ends where a step of a panel does.
      const startedAtMs = Math.floor(at + random() * 600_000);
      const completedAtMs = Math.floor((startedAtMs + 1000 + random() * 1_800_000) / 1000) * 1000 + 137;
      runs.push({
        startedAtMs,
        completedAtMs,
        succeeded: random() >= failing,
        records: Math.floor(random() * 1000),
        dueAtMs: completedAtMs + 2 * everyMs,
      });
    }
    return {
      labels,
      runs,
      ...(retiredOn === undefined ? {} : { retiredAtMs: fromMs + retiredOn * DAY }),
      ...(late ? { late } : {}),
    };
  });
  return { fromMs, toMs, jobs };
}

/** A generator by Lehmer, as Park and Miller give it. */
function createRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 48_271) % 2_147_483_647;
    return state / 2_147_483_647;
  };
}

/**
 * Delivers a month by remote write, run by run, the late ones last. Beside it the receiver gets what a gateway that is
 * scraped holds of the same jobs.
 */
export async function deliverMonth({ jobs, fromMs }: Month, url: string): Promise<void> {
  const deliver = async (
    { labels: { job, ...grouping } }: JobOfMonth,
    run: RunOfMonth,
    host: { spool?: string } = {},
  ): Promise<void> => {
    const { succeeded, dueAtMs, ...rest } = run;
    const report = await directRun(
      { url, job, grouping: Object.entries(grouping), ...host },
      { ...rest, succeeded, ...(succeeded ? { dueAtMs } : {}) },
    );
    if (report.status !== 'delivered') throw new Error(`a run of ${job}: ${JSON.stringify(report)}`);
  };
  for (const job of jobs)
    for (const [place, run] of job.runs.entries()) if (!job.late?.includes(place)) await deliver(job, run);
  // Hosts with spools of their own: one that has delivered a newer run of a job gives no older time.
  const hosts = mkdtempSync(join(tmpdir(), 'prombatch-late-'));
  try {
    for (const job of jobs) {
      for (const place of job.late ?? [])
        await deliver(job, job.runs[place] as RunOfMonth, {
          spool: join(hosts, `${job.labels.job}-${place}`),
        });
    }
  } finally {
    rmSync(hosts, { recursive: true, force: true });
  }

  const sample = (name: string, labels: object, value: number, timeMs: number): Series => ({
    labels: Object.entries({ __name__: name, ...labels }).sort(([a], [b]) => (a < b ? -1 : 1)),
    samples: [{ value, timeMs }],
  });
  const retired = jobs.flatMap(({ labels, retiredAtMs }) => {
    const ours = { ...labels, delivery: 'remote_write' };
    return retiredAtMs === undefined
      ? []
      : [sample('batch_job_retired_timestamp_seconds', ours, retiredAtMs / 1000, retiredAtMs)];
  });
  const scraped = jobs.flatMap(({ labels }) =>
    [
      'batch_job_success',
      'batch_job_duration_seconds',
      'batch_job_records_processed',
      'batch_job_last_start_timestamp_seconds',
      'batch_job_last_success_timestamp_seconds',
    ].map((name) => sample(name, labels, 1, fromMs + DAY)),
  );
  await send(url, [...retired, ...scraped]);
}

async function send(url: string, series: readonly Series[]): Promise<void> {
  const [receiver] = await openReceivers({ remoteWrite: [url] }, silentLog, (error) => {
    throw error;
  });
  const deadline = startDeadline(5000);
  try {
    const result = await receiver?.send(series, { deadline });
    if (result?.status !== 'stored')
      throw new Error(`what is sent beside the runs: ${JSON.stringify(result)}`);
  } finally {
    deadline.dispose();
    receiver?.close();
  }
}
