import { expect, test } from 'vitest';
import { createDelivery, type EndOfRun } from '../../../src/delivery/delivery.js';
import type { EndLimits, JobMetrics, Target } from '../../../src/delivery/target.js';
import { createLog } from '../../../src/log.js';

const RUN: EndOfRun = {
  outcome: () => [],
  loneOutcome: () => [],
  startedAtMs: 0,
  completedAtMs: 0,
  succeeded: true,
};
const silent = createLog({ format: 'text', quiet: true, write: () => {} });
const never = new AbortController().signal;

const target = (name: string, end: (limits: EndLimits) => Promise<void>): Target => ({
  name,
  prepare: async () => undefined,
  start() {},
  update() {},
  async end(_run, limits) {
    await end(limits);
    return { status: 'delivered' };
  },
  abandon: () => ({ status: 'none' }),
  close() {},
});

const passed = ({ deadline: { signal } }: Pick<EndLimits, 'deadline'>) =>
  new Promise<void>((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener('abort', () => resolve(), { once: true });
  });

const hangs = async (deadline: EndLimits['deadline']): Promise<JobMetrics> => {
  await passed({ deadline });
  return { text: '' };
};

test('collecting, a target that uses up its time and breaks, and its second try share one budget', async () => {
  const breaking = target('breaking', async (limits) => {
    await passed(limits);
    throw new Error('broke');
  });
  const delivery = createDelivery({ targets: [breaking], collect: hangs, log: silent });
  const start = performance.now();
  const reports = await delivery.end(RUN, { totalMs: 2000, afterStopMs: 3000, stop: never });
  expect(performance.now() - start).toBeLessThan(2900);
  expect(reports.map(({ report }) => report.status)).toEqual(['failed']);
});

test('a stop while the metrics are collected leaves every target the other half', async () => {
  const stop = new AbortController();
  const left: number[] = [];
  const targets = ['a', 'b'].map((name) =>
    target(name, async ({ deadline }) => void left.push(deadline.remainingMs())),
  );
  const collect = (deadline: EndLimits['deadline']) => {
    stop.abort();
    return hangs(deadline);
  };
  const delivery = createDelivery({ targets, collect, log: silent });
  await delivery.end(RUN, { totalMs: 60_000, afterStopMs: 2000, stop: stop.signal });
  expect(left).toHaveLength(2);
  for (const ms of left) {
    expect(ms).toBeGreaterThan(0);
    // A timer may be early by a part of a millisecond.
    expect(ms).toBeLessThan(1001);
  }
});

test('collectors that block the process for longer than the whole budget leave the targets a moment', async () => {
  let left = 0;
  const delivery = createDelivery({
    targets: [
      target('a', async ({ deadline }) => {
        left = deadline.remainingMs();
      }),
    ],
    collect: async () => {
      for (const end = performance.now() + 300; performance.now() < end; );
      return { text: '' };
    },
    log: silent,
  });
  await delivery.end(RUN, { totalMs: 200, afterStopMs: 200, stop: never });
  expect(left).toBeGreaterThan(50);
});
