import fc from 'fast-check';
import { expect, test } from 'vitest';
import { startDeadline, withBudget } from '../../../src/delivery/deadline.js';

/** A moment for what the clock moves between two looks at it. */
const SLACK_MS = 50;

const never = new AbortController().signal;

test('a share is a part of what is left, and comes nearer as the whole does, never further away', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 1e6 }),
      fc.double({ min: 0, max: 1, noNaN: true }),
      fc.array(fc.integer({ min: 0, max: 1e6 }), { maxLength: 5 }),
      (totalMs, part, shortenings) => {
        const whole = startDeadline(totalMs);
        const share = whole.share(part);
        let last = share.remainingMs();
        const fine = last <= totalMs * part && last >= totalMs * part - SLACK_MS;
        const nearer = shortenings.every((ms) => {
          whole.shorten(ms);
          const before = last;
          last = share.remainingMs();
          return last <= before && last <= whole.remainingMs() * part + SLACK_MS;
        });
        share.dispose();
        whole.dispose();
        return fine && nearer;
      },
    ),
  );
});

test('a share that passes leaves the whole as it is', async () => {
  const whole = startDeadline(60_000);
  const share = whole.share(0.0001);
  await new Promise((resolve) => share.signal.addEventListener('abort', resolve, { once: true }));
  expect(whole.signal.aborted).toBe(false);
  expect(whole.remainingMs()).toBeGreaterThan(30_000);
  share.dispose();
  whole.dispose();
});

test('a budget is shortened by a stop that came before it, or comes at any time in it', async () => {
  const budget = { totalMs: 60_000, afterStopMs: 3000 };
  const left = (stop: AbortSignal, meanwhile = () => {}) =>
    withBudget({ ...budget, stop }, async (deadline) => {
      const share = deadline.share(0.5);
      meanwhile();
      return [deadline.remainingMs(), share.remainingMs()].map((ms) => Math.ceil(ms / 500) * 500);
    });
  expect(await left(never)).toEqual([60_000, 30_000]);
  expect(await left(AbortSignal.abort())).toEqual([3000, 1500]);
  const stop = new AbortController();
  expect(await left(stop.signal, () => stop.abort())).toEqual([3000, 1500]);
});
