import { expect, test } from 'vitest';
import { readGroups } from '../../../src/exposition/api-groups.js';

const gauge = (value: string, labels: Record<string, string>) => ({
  time_stamp: '2026-01-01T00:00:00Z',
  type: 'GAUGE',
  metrics: [{ labels, value }],
});
const pushed = (labels: Record<string, string>) => gauge('5', { ...labels, instance: '' });

test('samples carry what they were pushed with: no grouping label, no empty instance', () => {
  const labels = { job: 'a', shard: '1' };
  const answer = {
    status: 'success',
    data: [
      { labels, last_push_successful: true, rows: gauge('+Inf', { ...labels, instance: '', table: 't' }) },
    ],
  };
  expect(readGroups(answer)).toEqual([
    {
      labels: [
        ['job', 'a'],
        ['shard', '1'],
      ],
      families: [
        {
          name: 'rows',
          type: 'gauge',
          samples: [{ name: 'rows', labels: [['table', 't']], value: Number.POSITIVE_INFINITY }],
        },
      ],
    },
  ]);
});

test('a metric named labels, which takes the place of the labels, is read as a metric and hides no group', () => {
  const data = [{ labels: gauge('1', { job: 'a', instance: '' }), push_time_seconds: pushed({ job: 'a' }) }];
  expect(readGroups({ data })).toMatchObject([
    { labels: [['job', 'a']], families: [{ name: 'labels' }, { name: 'push_time_seconds' }] },
  ]);
});

test.each([
  null,
  {},
  { data: {} },
  { data: [{}] },
  { data: [{ labels: { job: 'a' }, rows: { type: 'GAUGE', metrics: [{}] } }] },
])('an answer of another form, %j, is an error', (answer) => {
  expect(() => readGroups(answer)).toThrow(TypeError);
});
