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

test('a wait is at least 200 ms, backs off no longer than 5 s, and leaves half a second for the try', () => {
  fc.assert(
    fc.property(state, (given) => {
      const wait = planRetry({ ...given, error: { retryable: true, retryAfterMs: undefined } });
      if (wait === undefined) return given.remainingMs < 700;
      return wait >= 200 && wait <= Math.min(5000, given.remainingMs - 500);
    }),
  );
});

test('within 15 s a gateway that is down is tried at most 14 times, the last time shortly before the end', () => {
  const random = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
  fc.assert(
    fc.property(
      fc.infiniteStream(random),
      fc.integer({ min: 0, max: 20 }),
      fc.option(fc.integer({ min: 1, max: 3000 })),
      (randoms, tookMs, asked) => {
        const error = { retryable: true, retryAfterMs: asked ?? undefined };
        const begins = [0];
        let elapsedMs = tookMs;
        for (const value of randoms) {
          const given = { tries: begins.length, remainingMs: 15_000 - elapsedMs, random: value, error };
          const wait = planRetry(given);
          if (wait === undefined) break;
          begins.push(elapsedMs + wait);
          elapsedMs += wait + tookMs;
        }
        const last = begins.at(-1) ?? 0;
        const inLastSeconds = begins.filter((begin) => begin > 13_000).length;
        expect(begins.length).toBeLessThanOrEqual(14);
        expect(inLastSeconds).toBeLessThanOrEqual(3);
        expect(last).toBeLessThanOrEqual(14_950);
        expect(last).toBeGreaterThanOrEqual(asked === null ? 14_200 : 11_000);
      },
    ),
  );
});

test('Retry-After is waited for at least, or there is no further try', () => {
  fc.assert(
    fc.property(state, fc.integer({ min: 1, max: 2e6 }), (given, retryAfterMs) => {
      const wait = planRetry({ ...given, error: { retryable: true, retryAfterMs } });
      if (wait === undefined) return given.remainingMs - 50 < Math.max(200, retryAfterMs);
      return wait >= retryAfterMs && wait <= Math.max(retryAfterMs, 5000);
    }),
  );
});

test.each([
  [950, 950],
  [951, undefined],
  [999, undefined],
])('a Retry-After of %i ms of 1000 ms leaves time for a try only if 50 ms remain', (retryAfterMs, wait) => {
  const error = { retryable: true, retryAfterMs };
  expect(planRetry({ tries: 1, remainingMs: 1000, random: 0, error })).toBe(wait);
});

test.each([
  [0, [200, 400, 800, 1600, 2500, 2500]],
  [1, [400, 800, 1600, 3200, 5000, 5000]],
])('the wait doubles up to 5 s, and half of it is jitter (%i)', (random, waits) => {
  const wait = (tries: number) =>
    planRetry({ tries, remainingMs: 1e6, random, error: { retryable: true, retryAfterMs: undefined } });
  expect([1, 2, 3, 4, 5, 6].map(wait)).toEqual(waits);
});

test.each([
  [15_000, 7500],
  [1500, 1000],
  [400, 400],
])('with %i ms left a try gets %i ms', (remaining, limit) => {
  expect(tryLimitMs(remaining)).toBe(limit);
});
