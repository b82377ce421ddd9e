import { beforeAll, describe, expect, test } from 'vitest';
import { dashboards, type Panel, panelsOf } from '../support/dashboards.js';
import { promqlExamples } from '../support/examples.js';
import { deliverMonth, type JobOfMonth, makeMonth, type RunOfMonth } from '../support/month-of-runs.js';
import { describeOnReceivers } from '../support/receivers.js';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
/** The steps that Grafana chooses among. */
const STEPS = { '1h': HOUR, '6h': 6 * HOUR, '1d': DAY };

const month = makeMonth(Date.now());
const { fromMs, toMs, jobs } = month;

/** Values by time, by the labels of their series. */
type Answer = Record<string, Record<number, number>>;
/** What a panel should show of some jobs, for each of its queries. */
type Figures = (jobs: readonly JobOfMonth[], stepMs: number) => readonly Answer[];

const shown = (labels: Readonly<Record<string, string>>): string =>
  Object.entries(labels)
    .filter(([name]) => name !== '__name__' && name !== 'delivery')
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => `${name}=${value}`)
    .join(',');

const add = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0);
const successes = (runs: readonly RunOfMonth[]) => runs.filter(({ succeeded }) => succeeded);
const recordsOf = (runs: readonly RunOfMonth[]) => add(runs.map(({ records }) => records));
const secondsOf = (runs: readonly RunOfMonth[]) =>
  runs.map(({ startedAtMs, completedAtMs }) => (completedAtMs - startedAtMs) / 1000);
const ratioOf = (runs: readonly RunOfMonth[]) => successes(runs).length / runs.length;
/** As PromQL defines it: between the two nearest ranks, by their distance. */
function quantile(q: number, values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const rank = q * (sorted.length - 1);
  const below = sorted[Math.floor(rank)] ?? Number.NaN;
  const above = sorted[Math.ceil(rank)] ?? Number.NaN;
  return below + (above - below) * (rank - Math.floor(rank));
}

/** Whether the job was retired and has not started again. */
const isRetired = ({ runs, retiredAtMs }: JobOfMonth): boolean =>
  retiredAtMs !== undefined && runs.every(({ startedAtMs }) => startedAtMs < retiredAtMs);

const between = ({ runs }: JobOfMonth, afterMs: number, untilMs: number) =>
  runs.filter(({ completedAtMs }) => completedAtMs > afterMs && completedAtMs <= untilMs);

/** A value for each job, at the end of the time range. */
const byJob = (some: readonly JobOfMonth[], value: (job: JobOfMonth) => number | undefined): Answer =>
  Object.fromEntries(
    some.flatMap((job) => {
      const figure = value(job);
      return figure === undefined ? [] : [[shown(job.labels), { [toMs]: figure }]];
    }),
  );

const total = (figure: (runs: readonly RunOfMonth[]) => number): Figures => {
  return (some) => [{ '': { [toMs]: figure(some.flatMap(({ runs }) => runs)) } }];
};

/** The times at which a panel is asked. */
function timesOf(stepMs: number): number[] {
  const times: number[] = [];
  for (let at = Math.floor(fromMs / stepMs) * stepMs; at <= toMs; at += stepMs) times.push(at);
  return times;
}

/** A value for each time; none where there is none. */
const overTime = (stepMs: number, value: (atMs: number) => number | undefined): Record<number, number> =>
  Object.fromEntries(
    timesOf(stepMs).flatMap((at) => {
      const figure = value(at);
      return figure === undefined ? [] : [[at, figure]];
    }),
  );

/** A value for each job and step in which one of its runs ended, at the beginning of the step. */
const bySteps = (
  some: readonly JobOfMonth[],
  stepMs: number,
  value: (runs: readonly RunOfMonth[]) => number,
): Answer =>
  Object.fromEntries(
    some.map((job) => [
      shown(job.labels),
      overTime(stepMs, (at) => {
        const runs = between(job, at, at + stepMs);
        return runs.length === 0 ? undefined : value(runs);
      }),
    ]),
  );

/** A value for each job, of its runs of the seven days before each time. */
const byWeeks = (
  some: readonly JobOfMonth[],
  stepMs: number,
  value: (runs: readonly RunOfMonth[]) => number,
): Answer =>
  Object.fromEntries(
    some.map((job) => [
      shown(job.labels),
      overTime(stepMs, (at) => {
        const runs = between(job, at - 7 * DAY, at);
        return runs.length === 0 ? undefined : value(runs);
      }),
    ]),
  );

/** How late the first success of a step is, by the due time that the success before the step told. */
function lateness(job: JobOfMonth, atMs: number, stepMs: number): number | undefined {
  const before = successes(between(job, 0, atMs)).at(-1);
  const first = successes(between(job, atMs, atMs + stepMs)).at(0);
  if (!(before && first) || first.completedAtMs <= before.dueAtMs) return undefined;
  return (first.completedAtMs - before.dueAtMs) / 1000;
}

/** The values of the jobs' sum in each day in which one of their runs ended. */
const byDay = (
  some: readonly JobOfMonth[],
  stepMs: number,
  value: (runs: readonly RunOfMonth[]) => number,
): Record<number, number> =>
  overTime(stepMs, (at) => {
    const runs = some.flatMap((job) => between(job, at, at + stepMs));
    return runs.length === 0 ? undefined : value(runs);
  });

/** The jobs with the same name, as one. */
const named = (some: readonly JobOfMonth[]) =>
  [...new Set(some.map(({ labels }) => labels.job))].map(
    (job) => [job, some.filter(({ labels }) => labels.job === job)] as const,
  );

/** What each panel should show, computed from the runs themselves. */
const EXPECTED: Readonly<Record<string, Figures>> = {
  Runs: total((runs) => runs.length),
  'Failed runs': total((runs) => runs.length - successes(runs).length),
  'Success ratio': total(ratioOf),
  Records: total(recordsOf),
  Jobs: (some) =>
    [
      ({ runs }: JobOfMonth) => runs.length,
      ({ runs }: JobOfMonth) => ratioOf(runs),
      ({ runs }: JobOfMonth) => quantile(0.5, secondsOf(runs)),
      ({ runs }: JobOfMonth) => quantile(0.95, secondsOf(runs)),
      ({ runs }: JobOfMonth) => Math.max(...secondsOf(runs)),
      ({ runs }: JobOfMonth) => recordsOf(runs),
      ({ runs }: JobOfMonth) => successes(runs).at(-1)?.completedAtMs,
    ].map((value) =>
      byJob(
        some.filter((job) => !isRetired(job)),
        value,
      ),
    ),
  'Retired jobs': (some) =>
    [
      ({ retiredAtMs }: JobOfMonth) => retiredAtMs,
      ({ runs }: JobOfMonth) => runs.length || undefined,
      ({ runs }: JobOfMonth) => (runs.length === 0 ? undefined : ratioOf(runs)),
    ].map((value) => byJob(some.filter(isRetired), value)),
  'Runs by result': (some, stepMs) => [
    bySteps(some, stepMs, (runs) => (successes(runs).length === runs.length ? 1 : 0)),
  ],
  'Late successes': (some, stepMs) => [
    Object.fromEntries(
      some.map((job) => [shown(job.labels), overTime(stepMs, (at) => lateness(job, at, stepMs))]),
    ),
  ],
  'Duration of runs': (some, stepMs) => [bySteps(some, stepMs, (runs) => Math.max(...secondsOf(runs)))],
  'Durations of a week, by percentile': (some, stepMs) =>
    [0.5, 0.95].map((q) => byWeeks(some, stepMs, (runs) => quantile(q, secondsOf(runs)))),
  'Success ratio of a week': (some, stepMs) => [byWeeks(some, stepMs, ratioOf)],
  'Runs by day': (some, stepMs) => [
    { '': byDay(some, stepMs, (runs) => successes(runs).length) },
    { '': byDay(some, stepMs, (runs) => runs.length - successes(runs).length) },
  ],
  'Records by day': (some, stepMs) => [
    Object.fromEntries(named(some).map(([job, its]) => [shown({ job }), byDay(its, stepMs, recordsOf)])),
  ],
};

const nightly = jobs.filter(({ labels }) => labels.job === 'nightly');
const lastDays =
  (days: number, offsetDays = 0) =>
  (job: JobOfMonth) =>
    between(job, toMs - (days + offsetDays) * DAY, toMs - offsetDays * DAY);
const records = (runs: (job: JobOfMonth) => readonly RunOfMonth[]): Answer =>
  Object.fromEntries(
    named(jobs).flatMap(([job, its]) => {
      const all = its.flatMap(runs);
      return all.length === 0 ? [] : [[shown({ job }), { [toMs]: recordsOf(all) }]];
    }),
  );

/** What each query of the document should be answered with, in its order. */
const DOCUMENTED: readonly Answer[] = [
  byJob(nightly, ({ runs }) => runs.length),
  byJob(nightly, ({ runs }) => runs.length - successes(runs).length),
  byJob(nightly, ({ runs }) => ratioOf(runs)),
  { '': { [toMs]: ratioOf(jobs.flatMap(({ runs }) => runs)) } },
  byJob(nightly, ({ runs }) => quantile(0.5, secondsOf(runs))),
  byJob(nightly, ({ runs }) => quantile(0.95, secondsOf(runs))),
  byJob(nightly, ({ runs }) => Math.max(...secondsOf(runs))),
  records(lastDays(7)),
  records(lastDays(7, 7)),
  Object.fromEntries(
    nightly.map((job) => [
      shown(job.labels),
      Object.fromEntries(
        lastDays(2)(job).map(({ completedAtMs, succeeded }) => [completedAtMs, succeeded ? 1 : 0]),
      ),
    ]),
  ),
  byJob(nightly, (job) => (lastDays(2)(job).at(-1)?.succeeded ? 1 : 0)),
  byJob(
    jobs.filter((job) => isRetired(job) && job.runs.length > 0),
    ({ retiredAtMs }) => (retiredAtMs ?? 0) / 1000,
  ),
];

/** The step that Grafana takes for a panel of a width in pixels and the whole month. */
function stepOf({ maxDataPoints }: Panel, width: number, interval: string | undefined): keyof typeof STEPS {
  if (interval === '1d') return interval;
  return (toMs - fromMs) / (maxDataPoints ?? width) > HOUR ? '6h' : '1h';
}

interface Series {
  readonly metric: Record<string, string>;
  readonly value?: readonly [number, string];
  readonly values?: readonly (readonly [number, string])[];
}

async function ask(base: string, path: string, parameters: Record<string, string | number>): Promise<Answer> {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters)) query.set(name, String(value));
  const answer = (await (await fetch(`${base}/api/v1/${path}?${query}`)).json()) as {
    error?: string;
    data?: { result: readonly Series[] };
  };
  if (!answer.data) throw new Error(`${parameters.query}: ${answer.error}`);
  return Object.fromEntries(
    answer.data.result.map(({ metric, value, values = value ? [value] : [] }) => [
      shown(metric),
      Object.fromEntries(values.map(([time, number]) => [Math.round(time * 1000), Number(number)])),
    ]),
  );
}

/** Without series that have no value, and rounded to a billionth of each value. */
const rounded = (answer: Answer): Answer =>
  Object.fromEntries(
    Object.entries(answer).flatMap(([series, values]) => {
      const exact = Object.entries(values).map(([time, value]) => [time, Number(value.toPrecision(9))]);
      return exact.length === 0 ? [] : [[series, Object.fromEntries(exact)]];
    }),
  );

describe('the month that is made', () => {
  test('has failed, late, retired and restarted jobs, and days without a run', () => {
    const runs = jobs.flatMap((job) => job.runs);
    expect(runs.length).toBeGreaterThan(250);
    expect(runs.filter(({ succeeded }) => !succeeded).length).toBeGreaterThan(20);
    expect(jobs.filter(isRetired).length).toBe(2);
    expect(jobs.filter(({ retiredAtMs }) => retiredAtMs !== undefined).length).toBe(3);
    const late = (EXPECTED['Late successes']?.(jobs, HOUR) ?? []).flatMap((answer) =>
      Object.values(answer).flatMap((values) => Object.values(values)),
    );
    expect(late.length).toBeGreaterThan(3);
  });
});

describeOnReceivers(
  'with a month of runs',
  (receiver) => {
    beforeAll(async () => {
      await deliverMonth(month, receiver().url);
      await receiver().query('vector(1)', Date.now());
    }, 60_000);

    const panels = panelsOf(dashboards()['batch-history']);

    test('each panel is among those that are computed from the runs', () => {
      expect(panels.map(({ title }) => title).sort()).toEqual(Object.keys(EXPECTED).sort());
    });

    test.each(
      [
        ['.+', 720] as const,
        ['.+', 120] as const,
        ['nightly', 720] as const,
        ['sync|old_report', 720] as const,
      ].flatMap(([chosen, width]) => panels.map((panel) => [panel.title, chosen, width, panel] as const)),
    )(
      'the panel "%s" for the jobs %s, %i pixels wide, says what the runs say',
      async (title, chosen, width, panel) => {
        const some = jobs.filter(({ labels }) => new RegExp(`^(?:${chosen})$`).test(labels.job));
        const answers: Answer[] = [];
        let stepMs = 0;
        for (const { expr, instant, interval } of panel.targets ?? []) {
          const step = stepOf(panel, width, interval);
          stepMs = STEPS[step];
          const query = expr
            .replaceAll('$job', chosen)
            .replaceAll('$__interval', step)
            .replaceAll('$__range', `${(toMs - fromMs) / 1000}s`);
          const [start = 0] = timesOf(stepMs);
          answers.push(
            await (instant
              ? ask(receiver().base, 'query', { query, time: toMs / 1000 })
              : ask(receiver().base, 'query_range', {
                  query,
                  start: start / 1000,
                  end: (timesOf(stepMs).at(-1) ?? 0) / 1000,
                  step: stepMs / 1000,
                })),
          );
        }
        expect(answers.map(rounded)).toEqual(EXPECTED[title]?.(some, stepMs).map(rounded));
      },
    );

    test.each(
      promqlExamples('docs/promql.md', { only: 'History on the direct road' }).map(
        (query, place) => [query, place] as const,
      ),
    )('%s says what the runs say', async (query, place) => {
      const answer = await ask(receiver().base, 'query', { query, time: toMs / 1000 });
      expect(Object.keys(answer)).not.toEqual([]);
      expect(rounded(answer)).toEqual(rounded(DOCUMENTED[place] ?? {}));
    });
  },
  { window: '40d' },
);
