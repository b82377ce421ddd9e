import { createGroupingKey, groupPath } from '../../src/delivery/grouping-key.js';

/** What a job's name and labels may hold at worst: it reorders a line, ends it, colours it, and looks like markup. */
export const HOSTILE = '\u202edrow\u2066<img src=x onerror=alert(1)>"\n\u001b[31m\\';

interface Situation {
  readonly job: string;
  readonly labels?: Readonly<Record<string, string>>;
  /** Bodies of pushes, one after the other; the status that each is answered with. */
  readonly pushes: readonly (readonly [body: string, status: number])[];
  /** What is to be said of it. */
  readonly state: string;
  readonly problems: readonly string[];
}

const gauges = (values: Readonly<Record<string, number>>): string =>
  Object.entries(values)
    .map(([name, value]) => `# TYPE batch_job_${name} gauge\nbatch_job_${name} ${value}\n`)
    .join('');

/** Every situation that a job can be in, made by pushes at `now` (seconds since the epoch); and 1,000 jobs that are well. */
export function situations(now: number, crowd = 1000): readonly Situation[] {
  const run = (ago: number, exitCode: number, lastSuccess: number | undefined = ago) => ({
    last_start_timestamp_seconds: now - ago - 60,
    last_completion_timestamp_seconds: now - ago,
    duration_seconds: 60,
    success: exitCode === 0 ? 1 : 0,
    exit_code: exitCode,
    records_processed: 42,
    metrics_rejected: 0,
    ...(lastSuccess === undefined ? {} : { last_success_timestamp_seconds: now - lastSuccess }),
  });
  const due = (seconds: number) => ({ success_due_timestamp_seconds: now + seconds });
  const one = (values: Readonly<Record<string, number>>, own = '') => [[gauges(values) + own, 200]] as const;
  const never: Readonly<Record<string, number>> = Object.fromEntries(
    Object.entries(run(60, 1)).filter(([name]) => name !== 'last_success_timestamp_seconds'),
  );
  const openAfter = (start: number) => ({ ...run(90_000, 0), last_start_timestamp_seconds: now - start });
  return [
    { job: 'fresh', pushes: one({ ...run(60, 0), ...due(7200) }), state: 'succeeded', problems: [] },
    {
      job: 'late',
      pushes: one({ ...run(90_000, 0), ...due(-3600) }),
      state: 'succeeded',
      problems: ['overdue'],
    },
    {
      job: 'broke',
      pushes: one({ ...run(60, 3, 5000), ...due(7200) }),
      state: 'failed',
      problems: ['failed'],
    },
    { job: 'under_way', pushes: one(openAfter(20)), state: 'running', problems: [] },
    { job: 'never', pushes: one(never), state: 'failed', problems: ['failed', 'never_succeeded'] },
    {
      job: 'own_rejected',
      pushes: one({ ...run(60, 0), metrics_rejected: 1 }),
      state: 'succeeded',
      problems: ['metrics_rejected'],
    },
    {
      job: 'refused',
      pushes: [
        [gauges(run(60, 0)), 200],
        ['# TYPE batch_job_success counter\nbatch_job_success 1\n', 400],
      ],
      state: 'succeeded',
      problems: ['push_refused'],
    },
    { job: 'plain', pushes: [['rows 1\n', 200]], state: 'no_batch_metrics', problems: [] },
    {
      job: 'foreign',
      labels: { instance: 'web-1:9100', team: 'ops' },
      pushes: [['# TYPE foreign_seconds summary\nforeign_seconds_sum 3\nforeign_seconds_count 2\n', 200]],
      state: 'no_batch_metrics',
      problems: [],
    },
    {
      job: HOSTILE,
      labels: { host: HOSTILE },
      pushes: one({ ...run(60, 0), ...due(7200) }),
      state: 'succeeded',
      problems: [],
    },
    {
      job: 'with_host',
      labels: { host: 'db1' },
      pushes: one({ ...run(60, 137, 5000), ...due(-60) }),
      state: 'failed',
      problems: ['failed', 'overdue'],
    },
    ...Array.from({ length: crowd }, (_, index) => ({
      job: 'crowd',
      labels: { shard: String(index) },
      pushes: one({ ...run(60, 0), ...due(7200) }),
      state: 'succeeded',
      problems: [],
    })),
  ];
}

/** Pushes the situations to a gateway, several at a time. */
export async function pushSituations(url: string, given: readonly Situation[]): Promise<void> {
  let next = 0;
  const pusher = async (): Promise<void> => {
    for (let at = next++; at < given.length; at = next++) {
      const { job, labels = {}, pushes } = given[at] as Situation;
      const path = groupPath(createGroupingKey(job, Object.entries(labels)));
      for (const [body, status] of pushes) {
        const answer = await fetch(url + path, { method: 'POST', body });
        const text = await answer.text();
        if (answer.status !== status)
          throw new Error(`${path}: expected ${status}, got ${answer.status} ${text}`);
      }
    }
  };
  await Promise.all(Array.from({ length: 4 }, pusher));
}
