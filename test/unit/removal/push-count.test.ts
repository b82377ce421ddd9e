import { expect, test } from 'vitest';
import { type PushCount, readPushCount, unseenPushes } from '../../../src/removal/push-count.js';

const count = (pushes: number, times: Readonly<Record<string, number>>): PushCount => ({
  pushes,
  times: new Map(Object.entries(times)),
});
const times = (given: Readonly<Record<string, number>>) => new Map(Object.entries(given));

test('stored pushes are counted, checked or not; refused ones and readings are none', () => {
  const text = [
    'pushgateway_http_requests_total{code="200",handler="push",method="post"} 3',
    'pushgateway_http_requests_total{code="202",handler="push",method="put"} 4',
    'pushgateway_http_requests_total{code="400",handler="push",method="post"} 5',
    'pushgateway_http_requests_total{code="200",handler="api/v1/metrics",method="get"} 6',
    'push_time_seconds{instance="",job="a\\nb"} 1.5e+09',
    'rows{instance="",job="a"} 1',
    '',
  ].join('\n');
  expect(readPushCount(text)).toEqual({ pushes: 7, times: new Map([['[["job","a\\nb"]]', 1.5e9]]) });
});

test('a label may hold what JavaScript takes for the end of a line', () => {
  const text = [
    'pushgateway_http_requests_total{code="200",handler="push"} 3',
    'push_time_seconds{instance="",job="a\u2028push_time_seconds b\u2029\r"} 1.5e+09',
    '',
  ].join('\n');
  const id = JSON.stringify([['job', 'a\u2028push_time_seconds b\u2029\r']]);
  expect(readPushCount(text)).toEqual({ pushes: 3, times: new Map([[id, 1.5e9]]) });
});

test('a gateway that does not count tells nothing', () => {
  expect(readPushCount('push_time_seconds{job="a"} 1\n')).toBeUndefined();
});

test.each([
  ['no push', count(1, { a: 1 }), [times({ a: 1 }), times({})], count(1, {}), 0],
  [
    'a push to another group',
    count(1, { a: 1, b: 1 }),
    [times({ a: 1, b: 1 }), times({ b: 2 })],
    count(2, {}),
    0,
  ],
  ['a push before the reading', count(1, { a: 1 }), [times({ a: 2 }), times({})], count(2, {}), 0],
  ['a push to a new group', count(1, {}), [times({}), times({ b: 2 })], count(2, {}), 0],
  ['a push to the group that goes', count(1, { a: 1 }), [times({ a: 1 }), times({})], count(2, {}), 1],
  ['a refused first push to a new group', count(1, {}), [times({}), times({ b: 0 })], count(1, {}), 0],
])('%s', (_, before, readings, after, unseen) => {
  expect(unseenPushes(before, readings, after)).toBe(unseen);
});
