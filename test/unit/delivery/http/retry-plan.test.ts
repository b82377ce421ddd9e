import fc from 'fast-check';
import { expect, test } from 'vitest';
import { planRetry, tryLimitMs } from '../../../../src/delivery/http/retry-plan.js';

const state = fc.record({
  tries: fc.integer({ min: 1, max: 50 }),
  remainingMs: fc.double({ min: 0, max: 1e6, noNaN: true }),
  random: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
});

test('a final error is never tried again', () => {
  fc.assert(
    fc.property(
      state,
      (given) => planRetry({ ...given, error: { retryable: false, retryAfterMs: 0 } }) === undefined,
    ),
  );
});

test('a wait never outlasts what is left, and backs off no longer than 5 s', () => {
  fc.assert(
    fc.property(state, (given) => {
      const wait = planRetry({ ...given, error: { retryable: true, retryAfterMs: undefined } });
      if (wait === undefined) return given.remainingMs < 50;
      return wait >= 0 && wait <= Math.min(5000, given.remainingMs / 2);
    }),
  );
});

test('Retry-After is waited for at least, or there is no further try', () => {
  fc.assert(
    fc.property(state, fc.integer({ min: 0, max: 2e6 }), (given, retryAfterMs) => {
      const wait = planRetry({ ...given, error: { retryable: true, retryAfterMs } });
      if (wait === undefined) return retryAfterMs >= given.remainingMs - 50 || given.remainingMs < 50;
      return wait >= retryAfterMs && wait <= Math.max(retryAfterMs, 5000);
    }),
  );
});

test.each([
  [940, 940],
  [950, undefined],
  [999, undefined],
])('a Retry-After of %i ms of 1000 ms leaves time for a try only if 50 ms remain', (retryAfterMs, wait) => {
  const error = { retryable: true, retryAfterMs };
  expect(planRetry({ tries: 1, remainingMs: 1000, random: 0, error })).toBe(wait);
});

test('the ceiling of the jitter doubles from 200 ms', () => {
  const ceiling = (tries: number) =>
    planRetry({ tries, remainingMs: 1e6, random: 1, error: { retryable: true, retryAfterMs: undefined } });
  expect([1, 2, 3, 4, 5, 6, 7].map(ceiling)).toEqual([200, 400, 800, 1600, 3200, 5000, 5000]);
});

test.each([
  [15_000, 7500],
  [1500, 1000],
  [400, 400],
])('with %i ms left a try gets %i ms', (remaining, limit) => {
  expect(tryLimitMs(remaining)).toBe(limit);
});
