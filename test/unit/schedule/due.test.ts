import { describe, expect, test } from 'vitest';
import { createDuePlan } from '../../../src/schedule/due.js';

const due = (expected: string, completed: string, durationSeconds = 0, zone = 'UTC') => {
  const at = createDuePlan(expected, zone).dueAfter(Date.parse(completed), durationSeconds);
  return at === undefined ? undefined : new Date(at).toISOString();
};

describe('the next success is due', () => {
  test.each([
    ['1h', '2026-11-22T10:00:00Z', 600, 'UTC', '2026-11-22T12:10:00.000Z'],
    ['0 3 * * *', '2026-11-22T03:10:00Z', 600, 'UTC', '2026-11-24T03:10:00.000Z'],
    ['0 3 * * 1-5', '2026-11-20T03:10:00Z', 0, 'UTC', '2026-11-24T03:00:00.000Z'],
    ['*/5 * * * *', '2026-11-22T10:02:00Z', 30, 'UTC', '2026-11-22T10:10:30.000Z'],
    ['*/10 * * * * *', '2026-11-22T10:00:01Z', 1.5, 'UTC', '2026-11-22T10:00:21.500Z'],
    ['0 3 * * *', '2026-10-24T03:00:00Z', 0, 'Europe/Berlin', '2026-10-26T02:00:00.000Z'],
    ['0 0 13 * 5', '2026-11-13T01:00:00Z', 0, 'UTC', '2026-11-27T00:00:00.000Z'],
    ['@daily', '2026-11-22T10:00:00Z', 0, 'UTC', '2026-11-24T00:00:00.000Z'],
  ])('%s, completed %s after %d s in %s: %s', (expected, completed, seconds, zone, at) => {
    expect(due(expected, completed, seconds, zone)).toBe(at);
  });

  test('an expression that never comes again is never due', () => {
    expect(due('0 0 30 2 *', '2026-11-22T10:00:00Z')).toBeUndefined();
  });
});

test.each(['often', '0', '', '* * *', '0 25 * * *', '2026-11-22T00:00:00'])('%j is refused', (expected) => {
  expect(() => createDuePlan(expected)).toThrow('expected-interval: expected');
});
