import { expect, test } from 'vitest';
import { parseGroup } from '../../../../src/delivery/client/api-metrics.js';

type Labels = Readonly<Record<string, string>>;

const family = (value: string, labels: Labels) => ({
  time_stamp: '2026-01-01T00:00:00Z',
  type: 'COUNTER',
  metrics: [{ labels: { instance: '', ...labels }, value }],
});
const group = (labels: Labels, families: Readonly<Record<string, unknown>>) => ({
  labels,
  last_push_successful: true,
  push_time_seconds: family('1', labels),
  ...families,
});
const rows = (groups: readonly unknown[], grouping: Labels = {}) =>
  parseGroup(
    JSON.stringify({ status: 'success', data: groups }),
    { job: 'a', grouping: Object.entries(grouping) },
    'http://gateway',
  )
    .filter(({ name }) => name !== 'push_time_seconds')
    .flatMap(({ samples }) => samples.map(({ name, labels, value }) => [name, labels, value]));

const plain = { job: 'a' };
const shard = { job: 'a', shard: '1' };
const other = { job: 'a', shard: '1', zone: 'b' };
const held = [other, plain, shard].map((labels, index) =>
  group(labels, { rows: family(String(index), labels) }),
);

test.each([
  [{}, 1],
  [{ shard: '1' }, 2],
  [{ zone: 'b', shard: '1' }, 0],
])('a group is told from those that have fewer or more labels: %j', (grouping, value) => {
  expect(rows(held, grouping)).toEqual([['rows', [], value]]);
  expect(rows([...held].reverse(), grouping)).toEqual([['rows', [], value]]);
});

test('a group that is not there holds nothing', () => {
  expect(rows(held, { shard: '2' })).toEqual([]);
  expect(rows(held, { constructor: '1' })).toEqual([]);
});

test('families named like the fields of a group are families, and the group is found all the same', () => {
  const hidden = [plain, shard].map((labels, index) =>
    group(labels, { labels: family(String(index), labels), last_push_successful: family('5', labels) }),
  );
  expect(rows(hidden)).toEqual([
    ['labels', [], 0],
    ['last_push_successful', [], 5],
  ]);
  expect(rows(hidden, { shard: '1' })[0]).toEqual(['labels', [], 1]);
});

test('grouping labels named like the fields of a family are labels', () => {
  const labels = { job: 'a', metrics: 'x', type: 'y' };
  expect(rows([group(labels, { rows: family('3', labels) })], { metrics: 'x', type: 'y' })).toEqual([
    ['rows', [], 3],
  ]);
});

test("only what the gateway adds is taken off: a sample's own instance stays", () => {
  const labels = { ...plain, instance: 'x', of: '' };
  expect(rows([group(plain, { rows: family('3', labels) })])).toEqual([
    [
      'rows',
      [
        ['instance', 'x'],
        ['of', ''],
      ],
      3,
    ],
  ]);
});

test.each([
  ['<html>'],
  ['{}'],
  ['{"data":[{}]}'],
  [JSON.stringify({ data: [{ labels: plain, rows: { type: 'COUNTER', metrics: [{ labels: {} }] } }] })],
  [JSON.stringify({ data: [{ labels: plain, rows: { metrics: [] } }] })],
])('an answer of another form is refused by name: %s', (text) => {
  expect(() => parseGroup(text, { job: 'a', grouping: [] }, 'http://gateway')).toThrow(
    'what http://gateway holds of {job="a"} cannot be read: /api/v1/metrics is not as expected',
  );
});
