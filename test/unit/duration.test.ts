import fc from 'fast-check';
import { expect, test } from 'vitest';
import { formatDuration, parseDuration } from '../../src/duration.js';

test.each([
  ['0', 0],
  ['500ms', 500],
  ['15s', 15_000],
  ['5m', 300_000],
  ['2h', 7_200_000],
  ['1d', 86_400_000],
  ['1w', 604_800_000],
  ['1y', 31_536_000_000],
  ['1h30m', 5_400_000],
  ['1d2h3m4s5ms', 93_784_005],
])('%s is %i ms', (text, ms) => {
  expect(parseDuration(text)).toBe(ms);
});

test.each(['', '5', '-1s', '1.5s', 's', '1m1h', '1s1s', '5 s', '5S', '99999999999999y', '5s '])(
  '%j is none',
  (text) => {
    expect(parseDuration(text)).toBeUndefined();
  },
);

test('what is shown for whole seconds from a minute on reads back', () => {
  fc.assert(
    fc.property(fc.integer({ min: 60, max: 10_000_000 }), (seconds) => {
      expect(parseDuration(formatDuration(seconds * 1000))).toBe(seconds * 1000);
    }),
  );
});

test.each([
  [0, '0ms'],
  [999, '999ms'],
  [1340, '1.3s'],
  [125_000, '2m5s'],
])('%i ms is shown as %s', (ms, shown) => {
  expect(formatDuration(ms)).toBe(shown);
});
