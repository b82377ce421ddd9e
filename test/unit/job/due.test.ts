import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createDuePlan } from '../../../src/job/due.js';
import { long } from '../../support/long.js';

const due = (expected: string, completed: string, durationSeconds = 0, zone = 'UTC') => {
  const at = createDuePlan(expected, zone).dueAfter(Date.parse(completed), durationSeconds);
  return at === undefined ? undefined : new Date(at).toISOString();
};

const FIRST_OF = { summer: '2026-03-29', winter: '2026-10-25' };

describe('the next success is due', () => {
  test.each([
    // Durations: twice, and what the run took.
    ['1h', '2026-11-22T10:00:00Z', 600, 'UTC', '2026-11-22T12:10:00.000Z'],
    ['1d', '2026-10-24T10:00:00Z', 60, 'Europe/Berlin', '2026-10-26T10:01:00.000Z'],
    ['1h30m', '2026-11-22T10:00:00Z', 0, 'UTC', '2026-11-22T13:00:00.000Z'],
    // Every so often.
    ['* * * * *', '2026-11-22T10:00:00Z', 0, 'UTC', '2026-11-22T10:02:00.000Z'],
    ['* * * * *', '2026-11-22T10:00:59.999Z', 0, 'UTC', '2026-11-22T10:02:00.000Z'],
    ['*/5 * * * *', '2026-11-22T10:02:00Z', 30, 'UTC', '2026-11-22T10:10:30.000Z'],
    ['5/15 * * * *', '2026-11-22T10:02:00Z', 0, 'UTC', '2026-11-22T10:20:00.000Z'],
    ['0 */6 * * *', '2026-11-22T20:00:00Z', 0, 'UTC', '2026-11-23T06:00:00.000Z'],
    ['15,45 9-17 * * *', '2026-11-22T17:46:00Z', 0, 'UTC', '2026-11-23T09:45:00.000Z'],
    // Seconds.
    ['*/10 * * * * *', '2026-11-22T10:00:01Z', 1.5, 'UTC', '2026-11-22T10:00:21.500Z'],
    ['30 0 12 * * *', '2026-11-22T12:00:30Z', 0, 'UTC', '2026-11-24T12:00:30.000Z'],
    // Names.
    ['@hourly', '2026-11-22T10:10:00Z', 0, 'UTC', '2026-11-22T12:00:00.000Z'],
    ['@daily', '2026-11-22T10:00:00Z', 0, 'UTC', '2026-11-24T00:00:00.000Z'],
    ['@weekly', '2026-11-22T10:00:00Z', 0, 'UTC', '2026-12-06T00:00:00.000Z'],
    ['@monthly', '2026-11-22T10:00:00Z', 0, 'UTC', '2027-01-01T00:00:00.000Z'],
    ['@yearly', '2026-11-22T10:00:00Z', 0, 'UTC', '2028-01-01T00:00:00.000Z'],
    // Weekdays: a Friday's success is due on Tuesday.
    ['0 3 * * *', '2026-11-22T03:10:00Z', 600, 'UTC', '2026-11-24T03:10:00.000Z'],
    ['0 3 * * 1-5', '2026-11-20T03:10:00Z', 0, 'UTC', '2026-11-24T03:00:00.000Z'],
    ['0 3 * * MON-FRI', '2026-11-19T03:10:00Z', 0, 'UTC', '2026-11-23T03:00:00.000Z'],
    ['0 3 * * 0', '2026-11-22T03:10:00Z', 0, 'UTC', '2026-12-06T03:00:00.000Z'],
    ['0 3 * * 7', '2026-11-22T03:10:00Z', 0, 'UTC', '2026-12-06T03:00:00.000Z'],
    // Days of the month, and both: either will do, as in cron and Kubernetes.
    ['0 0 31 * *', '2026-10-31T01:00:00Z', 0, 'UTC', '2027-01-31T00:00:00.000Z'],
    ['0 0 29 2 *', '2026-11-22T10:00:00Z', 0, 'UTC', '2032-02-29T00:00:00.000Z'],
    ['0 0 L * *', '2026-11-22T10:00:00Z', 0, 'UTC', '2026-12-31T00:00:00.000Z'],
    ['0 0 13 * 5', '2026-11-13T01:00:00Z', 0, 'UTC', '2026-11-27T00:00:00.000Z'],
    ['0 0 1 jan,jul *', '2026-11-22T10:00:00Z', 0, 'UTC', '2027-07-01T00:00:00.000Z'],
    // Zones.
    ['0 9 * * *', '2026-11-22T00:30:00Z', 0, 'Asia/Seoul', '2026-11-24T00:00:00.000Z'],
    ['0 9 * * *', '2026-11-22T04:00:00Z', 0, 'Asia/Kolkata', '2026-11-24T03:30:00.000Z'],
    ['0 3 * * *', '2026-10-24T03:00:00Z', 0, 'Europe/Berlin', '2026-10-26T02:00:00.000Z'],
    ['0 23 * * *', '2026-11-01T04:00:00Z', 0, 'America/New_York', '2026-11-03T04:00:00.000Z'],
    // 02:30 is left out on the one day, and comes twice on the other.
    ['30 2 * * *', `${FIRST_OF.summer}T02:00:00Z`, 0, 'Europe/Berlin', '2026-03-31T00:30:00.000Z'],
    ['30 2 * * *', '2026-03-28T01:40:00Z', 0, 'Europe/Berlin', '2026-03-30T00:30:00.000Z'],
    ['30 2 * * *', '2026-10-24T00:40:00Z', 0, 'Europe/Berlin', '2026-10-26T01:30:00.000Z'],
    ['30 2 * * *', `${FIRST_OF.winter}T00:40:00Z`, 0, 'Europe/Berlin', '2026-10-27T01:30:00.000Z'],
    ['*/20 * * * *', `${FIRST_OF.winter}T00:45:00Z`, 0, 'Europe/Berlin', '2026-10-25T01:20:00.000Z'],
  ])('%s, completed %s after %d s in %s: %s', (expected, completed, seconds, zone, at) => {
    expect(due(expected, completed, seconds, zone)).toBe(at);
  });

  test('an expression that never comes again is never due', () => {
    expect(due('0 0 30 2 *', '2026-11-22T10:00:00Z')).toBeUndefined();
  });
});

describe('against a search of every minute of two years', () => {
  const MINUTE = 60_000;
  /** A field as text, and the values that it means. */
  const field = (min: number, max: number) => {
    const value = fc.integer({ min, max });
    const every = Array.from({ length: max - min + 1 }, (_, index) => min + index);
    return fc.oneof(
      fc.constant({ text: '*', values: every }),
      fc.integer({ min: 2, max: Math.min(20, max - min) }).map((step) => ({
        text: `*/${step}`,
        values: every.filter((_, index) => index % step === 0),
      })),
      fc
        .uniqueArray(value, { minLength: 1, maxLength: 4 })
        .map((values) => ({ text: values.join(','), values })),
      fc.tuple(value, value).map(([a, b]) => ({
        text: `${Math.min(a, b)}-${Math.max(a, b)}`,
        values: every.filter((candidate) => candidate >= Math.min(a, b) && candidate <= Math.max(a, b)),
      })),
    );
  };
  const cron = fc.record({
    minute: field(0, 59),
    hour: field(0, 23),
    dayOfMonth: field(1, 31),
    month: field(1, 12),
    dayOfWeek: field(0, 6),
  });
  const zone = fc.constantFrom('UTC', 'Asia/Seoul', 'Asia/Kolkata', 'Europe/Berlin', 'America/New_York');

  const offsetMs = (zoneName: string, at: number): number => {
    const text = new Intl.DateTimeFormat('en', { timeZone: zoneName, timeZoneName: 'longOffset' }).format(at);
    const [, sign, hours = '0', minutes = '0'] = /GMT([+-])(\d\d):(\d\d)/.exec(text) ?? [];
    return (sign === '-' ? -1 : 1) * (Number(hours) * 60 + Number(minutes)) * MINUTE;
  };

  test('the second next tick is the one that the search finds', () => {
    let found = 0;
    fc.assert(
      fc.property(
        cron,
        zone,
        fc.integer({ min: 0, max: 365 * 24 * 60 }),
        ({ minute, hour, dayOfMonth, month, dayOfWeek }, zoneName, start) => {
          const from = Date.parse('2026-01-01T00:00:00Z') + start * MINUTE + 12_345;
          const offset = offsetMs(zoneName, from);
          const matches = (at: number): boolean => {
            const local = new Date(at + offset);
            if (!minute.values.includes(local.getUTCMinutes()) || !hour.values.includes(local.getUTCHours()))
              return false;
            if (!month.values.includes(local.getUTCMonth() + 1)) return false;
            const days = [
              dayOfMonth.values.includes(local.getUTCDate()),
              dayOfWeek.values.includes(local.getUTCDay()),
            ];
            const anyDay = dayOfMonth.text === '*' || dayOfWeek.text === '*';
            return anyDay ? days.every(Boolean) : days.some(Boolean);
          };
          const end = from + 2 * 365 * 24 * 60 * MINUTE;
          const ticks: number[] = [];
          for (let at = Math.ceil(from / MINUTE) * MINUTE; at < end && ticks.length < 2; at += MINUTE)
            if (matches(at)) ticks.push(at);
          const [, second] = ticks;
          // Where the clocks change on the way, the table above has the answers.
          fc.pre(second !== undefined && !changes(zoneName, from, second, offset));
          const expression = [minute, hour, dayOfMonth, month, dayOfWeek].map(({ text }) => text).join(' ');
          expect(createDuePlan(expression, zoneName).dueAfter(from, 1), expression).toBe(
            (second ?? 0) + 1000,
          );
          found++;
        },
      ),
      { numRuns: long ? 150 : 40 },
    );
    expect(found).toBeGreaterThan(long ? 100 : 25);
  });

  const changes = (zoneName: string, from: number, to: number, offset: number): boolean => {
    for (let at = from; at < to; at += 7 * 24 * 60 * MINUTE)
      if (offsetMs(zoneName, at) !== offset) return true;
    return offsetMs(zoneName, to) !== offset;
  };
});

test.each(['often', '0', '', '* * *', '0 25 * * *', '2026-11-22T00:00:00'])('%j is refused', (expected) => {
  expect(() => createDuePlan(expected)).toThrow('expected-interval: expected');
});
