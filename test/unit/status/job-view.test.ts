import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { GatewayGroup } from '../../../src/exposition/api-groups.js';
import { outcomeFamilies, startFamilies } from '../../../src/outcome/batch-metrics.js';
import type { RunOutcome } from '../../../src/outcome/outcome.js';
import { describeJob } from '../../../src/status/describe.js';
import { PROBLEMS, viewJob } from '../../../src/status/job-view.js';

const NOW = 1_800_000_000;

/** A group that holds these values, each a family without labels. */
function holding(values: Readonly<Record<string, number>>, labels: GatewayGroup['labels'] = [['job', 'a']]) {
  const families = Object.entries(values).map(([name, value]) => ({
    name,
    type: 'gauge' as const,
    samples: [{ name, labels: [], value }],
  }));
  return { labels, families };
}

const batch = (values: Readonly<Record<string, number>>) =>
  holding(
    Object.fromEntries(
      Object.entries(values).map(([name, value]) => [
        name.startsWith('push_') ? name : `batch_job_${name}`,
        value,
      ]),
    ),
  );

const ended = {
  last_start_timestamp_seconds: NOW - 100,
  last_completion_timestamp_seconds: NOW - 40,
  duration_seconds: 60,
  push_time_seconds: NOW - 40,
};
const succeeded = {
  ...ended,
  success: 1,
  exit_code: 0,
  last_success_timestamp_seconds: NOW - 40,
};

describe('what a group says of its job', () => {
  test.each([
    ['a success', succeeded, 'succeeded', []],
    [
      'a failure',
      { ...ended, success: 0, exit_code: 3, last_success_timestamp_seconds: 5 },
      'failed',
      ['failed'],
    ],
    ['a first failure', { ...ended, success: 0, exit_code: 3 }, 'failed', ['failed', 'never_succeeded']],
    [
      'a success that is overdue',
      { ...succeeded, success_due_timestamp_seconds: NOW - 1 },
      'succeeded',
      ['overdue'],
    ],
    ['a success that is due', { ...succeeded, success_due_timestamp_seconds: NOW }, 'succeeded', []],
    [
      'a first run',
      { last_start_timestamp_seconds: NOW - 80_000, push_time_seconds: NOW - 80_000 },
      'running',
      [],
    ],
    [
      'a first run without an end for a day',
      { last_start_timestamp_seconds: NOW - 86_401, push_time_seconds: NOW - 86_401 },
      'killed',
      ['killed'],
    ],
    ['a run', { ...succeeded, last_start_timestamp_seconds: NOW - 10 }, 'running', []],
    [
      'a run after a failure',
      {
        ...ended,
        success: 0,
        exit_code: 3,
        last_success_timestamp_seconds: 5,
        last_start_timestamp_seconds: NOW - 10,
      },
      'running',
      ['failed'],
    ],
    [
      'a run that is silent for three times the last and five minutes',
      {
        ...succeeded,
        last_start_timestamp_seconds: NOW - 481,
        last_completion_timestamp_seconds: NOW - 900,
        push_time_seconds: NOW - 481,
      },
      'killed',
      ['killed'],
    ],
    [
      'a run that is silent for not quite so long',
      {
        ...succeeded,
        last_start_timestamp_seconds: NOW - 480,
        last_completion_timestamp_seconds: NOW - 900,
        push_time_seconds: NOW - 480,
      },
      'running',
      [],
    ],
    [
      'a run that pushes now and then',
      {
        ...succeeded,
        last_start_timestamp_seconds: NOW - 9000,
        last_completion_timestamp_seconds: NOW - 9900,
        push_time_seconds: NOW - 60,
      },
      'running',
      [],
    ],
    [
      'a silent run of an overdue job',
      {
        ...succeeded,
        last_start_timestamp_seconds: NOW - 361,
        last_completion_timestamp_seconds: NOW - 900,
        push_time_seconds: NOW - 361,
        success_due_timestamp_seconds: NOW - 1,
      },
      'killed',
      ['killed', 'overdue'],
    ],
    [
      'a run that began when the job was overdue already',
      {
        ...succeeded,
        last_start_timestamp_seconds: NOW - 30,
        last_completion_timestamp_seconds: NOW - 90_000,
        success_due_timestamp_seconds: NOW - 80_000,
      },
      'running',
      ['overdue'],
    ],
    [
      'own metrics that were rejected',
      { ...succeeded, metrics_rejected: 1 },
      'succeeded',
      ['metrics_rejected'],
    ],
    [
      'a push that was refused',
      { ...succeeded, push_failure_time_seconds: NOW - 39 },
      'succeeded',
      ['push_refused'],
    ],
    ['a push that was taken since', { ...succeeded, push_failure_time_seconds: NOW - 41 }, 'succeeded', []],
    ['nothing of a batch job', { push_time_seconds: NOW }, 'no_batch_metrics', []],
    ['a last success only, by another tool', { last_success_timestamp_seconds: NOW - 5 }, 'succeeded', []],
    ['a value that is no number', { ...succeeded, success: Number.NaN }, 'succeeded', []],
  ] as const)('%s', (_, values, state, problems) => {
    expect(viewJob(batch(values), NOW)).toMatchObject({ state, problems });
  });

  test('a batch metric with a label of its own is not prombatch’s', () => {
    const foreign = {
      name: 'batch_job_success',
      type: 'gauge' as const,
      samples: [{ name: 'batch_job_success', labels: [['step', '1']] as const, value: 0 }],
    };
    const { state, problems } = viewJob({ labels: [['job', 'a']], families: [foreign] }, NOW);
    expect({ state, problems }).toEqual({ state: 'no_batch_metrics', problems: [] });
  });

  test.each(['histogram', 'summary'] as const)(
    'a batch metric that another tool pushes as a %s is no fact',
    (type) => {
      const family = (name: string) => ({
        name,
        type,
        samples: [
          { name: `${name}_sum`, labels: [], value: 7 },
          { name: `${name}_count`, labels: [], value: 5 },
        ],
      });
      const families = [family('batch_job_success'), family('batch_job_last_completion_timestamp_seconds')];
      const view = viewJob({ labels: [['job', 'a']], families }, NOW);
      expect(view).toEqual({ job: 'a', labels: {}, state: 'no_batch_metrics', problems: [] });
    },
  );

  test.each([
    ['a clock that is a little ahead', NOW + 3, 'just now'],
    ['a clock that is hours ahead', NOW + 7200, '2h from now'],
    ['milliseconds for seconds', NOW * 1000, '57020y200d from now'],
  ])('a success by %s is told as far ahead as it is', (_, seconds, words) => {
    const view = viewJob(batch({ ...succeeded, last_success_timestamp_seconds: seconds }), NOW);
    expect(view.lastSuccessAgeSeconds).toBe(NOW - seconds);
    expect(describeJob(view).lastSuccess).toBe(words);
  });

  test('an old success of a job without a due time is overdue by --max-age, and that of one with a due time is not', () => {
    const old = { ...succeeded, last_success_timestamp_seconds: NOW - 101 };
    expect(viewJob(batch(old), NOW).problems).toEqual([]);
    expect(viewJob(batch(old), NOW, { maxAgeSeconds: 100 })).toMatchObject({
      problems: ['overdue'],
      overdueSeconds: 1,
    });
    const due = { ...old, success_due_timestamp_seconds: NOW + 1 };
    expect(viewJob(batch(due), NOW, { maxAgeSeconds: 100 })).toMatchObject({ problems: [], dueInSeconds: 1 });
  });
});

const outcomes: fc.Arbitrary<RunOutcome> = fc
  .record({
    status: fc.constantFrom('succeeded', 'failed', 'timed_out', 'interrupted'),
    startedAtMs: fc.integer({ min: 1_000, max: NOW * 1000 }),
    durationSeconds: fc.integer({ min: 0, max: 100_000 }),
    exitCode: fc.integer({ min: 1, max: 255 }),
    recordsProcessed: fc.option(fc.nat(), { nil: undefined }),
  })
  .map(
    ({ status, startedAtMs, durationSeconds, exitCode, recordsProcessed }) =>
      ({
        status,
        startedAtMs,
        durationSeconds,
        completedAtMs: startedAtMs + durationSeconds * 1000,
        exitCode: status === 'succeeded' ? 0 : exitCode,
        stages: [],
        error: 'x',
        timeoutMs: 1,
        ...(recordsProcessed === undefined ? {} : { recordsProcessed }),
      }) as RunOutcome,
  );

/** Any values of the families that the view reads, hostile ones too. */
const anything = fc.dictionary(
  fc.constantFrom(
    'batch_job_last_start_timestamp_seconds',
    'batch_job_last_completion_timestamp_seconds',
    'batch_job_last_success_timestamp_seconds',
    'batch_job_success_due_timestamp_seconds',
    'batch_job_duration_seconds',
    'batch_job_success',
    'batch_job_exit_code',
    'batch_job_metrics_rejected',
    'push_time_seconds',
    'push_failure_time_seconds',
    'rows',
  ),
  fc.oneof(fc.double(), fc.integer({ min: NOW - 2000, max: NOW + 2000 }), fc.constantFrom(0, 1)),
);

describe('for all groups', () => {
  test('what a run pushed at its end is what the view says of it', () => {
    fc.assert(
      fc.property(outcomes, fc.option(fc.integer({ min: 1, max: 1e6 })), (outcome, dueIn) => {
        const dueAtMs = outcome.completedAtMs + (dueIn ?? 0) * 1000;
        const families = outcomeFamilies(outcome, {
          metricsRejected: false,
          ...(dueIn === null ? {} : { dueAtMs }),
        });
        const view = viewJob({ labels: [['job', 'a']], families }, outcome.completedAtMs / 1000);
        const won = outcome.status === 'succeeded';
        expect(view.lastRunSucceeded).toBe(won);
        expect(view.exitCode).toBe(outcome.exitCode);
        expect(view.durationSeconds).toBe(outcome.durationSeconds);
        expect(view.recordsProcessed).toBe(outcome.recordsProcessed);
        expect(view.state).toBe(won ? 'succeeded' : 'failed');
        expect(view.problems).toEqual(won ? [] : ['failed', 'never_succeeded']);
        expect(view.dueSeconds).toBe(won && dueIn !== null ? dueAtMs / 1000 : undefined);
      }),
    );
  });

  test('a start push after it makes it running and keeps what the last run was', () => {
    fc.assert(
      fc.property(outcomes, fc.integer({ min: 1, max: 299 }), (outcome, secondsLater) => {
        const startMs = outcome.completedAtMs + 1000;
        const held = outcomeFamilies(outcome, { metricsRejected: false }).slice(1);
        const families = [...startFamilies(startMs), ...held];
        const view = viewJob({ labels: [['job', 'a']], families }, startMs / 1000 + secondsLater);
        expect(view.state).toBe('running');
        expect(view.lastRunSucceeded).toBe(outcome.status === 'succeeded');
        expect(view.runningForSeconds).toBeCloseTo(secondsLater);
      }),
    );
  });

  test('the facts agree with each other, whatever the gateway holds', () => {
    const seen = new Set<string>();
    fc.assert(
      fc.property(anything, (values) => {
        const view = viewJob(holding(values), NOW);
        seen.add(view.state);
        for (const problem of view.problems) seen.add(problem);
        expect(view.problems).toEqual(PROBLEMS.filter((problem) => view.problems.includes(problem)));
        expect(view.problems.includes('overdue')).toBe((view.overdueSeconds ?? 0) > 0);
        expect(view.overdueSeconds === undefined || view.dueInSeconds === undefined).toBe(true);
        expect(view.problems.includes('killed')).toBe(view.state === 'killed');
        expect(view.problems.includes('failed')).toBe(view.lastRunSucceeded === false);
        expect(view.runningSinceSeconds !== undefined).toBe(['running', 'killed'].includes(view.state));
        if (view.state === 'no_batch_metrics') expect(view.lastRunSucceeded).toBeUndefined();
        for (const value of Object.values(view)) if (typeof value === 'number') expect(value).not.toBeNaN();
        for (const age of [view.lastPushAgeSeconds, view.runningForSeconds])
          expect(age ?? 0).toBeGreaterThanOrEqual(0);
      }),
      { numRuns: 2000 },
    );
    expect([...seen].sort()).toEqual(
      [
        'failed',
        'killed',
        'metrics_rejected',
        'never_succeeded',
        'no_batch_metrics',
        'overdue',
        'push_refused',
        'running',
        'succeeded',
      ].sort(),
    );
  });

  test('waiting alone never makes a wrong job well', () => {
    fc.assert(
      fc.property(anything, fc.integer({ min: 0, max: 1e6 }), (values, seconds) => {
        const before = viewJob(holding(values), NOW).problems;
        expect(viewJob(holding(values), NOW + seconds).problems).toEqual(expect.arrayContaining([...before]));
      }),
    );
  });
});
