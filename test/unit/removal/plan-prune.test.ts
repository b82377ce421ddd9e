import { expect, test } from 'vitest';
import type { GatewayGroup } from '../../../src/exposition/api-groups.js';
import { planPrune } from '../../../src/removal/plan-prune.js';

const NOW = 1_800_000_000;
const DAY = 86_400;

function group(job: string, values: Readonly<Record<string, number>>): GatewayGroup {
  const families = Object.entries(values).map(([name, value]) => ({
    name,
    type: 'gauge' as const,
    samples: [{ name, labels: [], value }],
  }));
  return { labels: [['job', job]], families };
}

const verdict = (values: Readonly<Record<string, number>>, includeOverdue = false) =>
  planPrune([group('a', values)], NOW, { olderThanSeconds: 7 * DAY, includeOverdue })[0];

const old = { push_time_seconds: NOW - 9 * DAY };
const due = 'batch_job_success_due_timestamp_seconds';
const start = 'batch_job_last_start_timestamp_seconds';

test.each([
  ['old', old, 'remove', 'last pushed 9d ago, no batch metrics'],
  ['pushed lately', { push_time_seconds: NOW - DAY }, 'recent', 'pushed 1d ago'],
  ['exactly so old', { push_time_seconds: NOW - 7 * DAY }, 'recent', 'pushed 7d ago'],
  ['pushed by a clock ahead', { push_time_seconds: NOW + DAY }, 'recent', 'pushed just now'],
  ['refused lately', { ...old, push_failure_time_seconds: NOW - DAY }, 'recent', 'pushed 1d ago'],
  [
    'never taken',
    { push_time_seconds: 0, push_failure_time_seconds: 0 },
    'recent',
    'when it was pushed is not',
  ],
  ['without push times', { rows: 1 }, 'recent', 'when it was pushed is not known'],
  ['not yet due', { ...old, [due]: NOW + 90 * DAY }, 'keep', 'its next success is due in 90d'],
  ['overdue', { ...old, [due]: NOW - DAY }, 'keep', 'overdue by 1d, and its alert would end unseen'],
  [
    'of a long run',
    { ...old, [start]: NOW - 9 * DAY, batch_job_duration_seconds: 8 * DAY },
    'keep',
    'a run is under way: running for 9d',
  ],
  ['of a killed run', { ...old, [start]: NOW - 9 * DAY }, 'remove', 'last pushed 9d ago, probably killed'],
])('a group that is %s', (_, values, action, why) => {
  const found = verdict(values as Readonly<Record<string, number>>);
  expect(found?.action).toBe(action);
  expect(found?.why).toContain(why);
});

test('an overdue group goes with --include-overdue, and it is said that it was overdue', () => {
  expect(verdict({ ...old, [due]: NOW - DAY }, true)).toMatchObject({
    action: 'remove',
    why: 'last pushed 9d ago, no batch metrics, overdue by 1d',
  });
  expect(verdict({ ...old, [due]: NOW + DAY }, true)?.action).toBe('keep');
});

test('only groups whose job matches are judged', () => {
  const rule = { olderThanSeconds: 1, includeOverdue: false, job: 'im*' };
  const jobs = planPrune([group('import', old), group('export', old)], NOW, rule);
  expect(jobs.map(({ group: { labels } }) => labels[0]?.[1])).toEqual(['import']);
});
