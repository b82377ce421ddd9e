import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { StoppedBySignal } from '../../../src/job/stop-reason.js';
import { createLog } from '../../../src/log.js';
import type { RunResult } from '../../../src/run/run-result.js';
import { createScheduler } from '../../../src/schedule/scheduler.js';

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const succeeded: RunResult = {
  outcome: {
    status: 'succeeded',
    exitCode: 0,
    startedAtMs: 0,
    completedAtMs: 0,
    durationSeconds: 0,
    stages: [],
  },
  delivery: { status: 'delivered' },
  exitCode: 0,
};

interface Given {
  readonly at: string;
  readonly expression?: string;
  readonly timezone?: string;
  readonly takesMs?: number;
  /** What the delivery takes after the job. */
  readonly deliversMs?: number;
  readonly maxRuns?: number;
  readonly jitterMs?: number;
  readonly runOnStart?: boolean;
  readonly result?: RunResult;
}

/** Waits so long, or until it is told to stop. */
async function waitOrStop(stop: AbortSignal, ms: number, onStop: () => void): Promise<void> {
  if (stop.aborted) return;
  await new Promise<void>((resolve) => {
    const timer = setTimeout(() => {
      stop.removeEventListener('abort', listener);
      resolve();
    }, ms);
    const listener = (): void => {
      clearTimeout(timer);
      onStop();
      resolve();
    };
    stop.addEventListener('abort', listener, { once: true });
  });
}

/** A schedule from `at` on, whose runs take as long as the test says. */
function schedule({ at, takesMs = 0, deliversMs = 0, result = succeeded, ...given }: Given) {
  vi.setSystemTime(new Date(at));
  const starts: string[] = [];
  const dues: (number | undefined)[] = [];
  const said: string[] = [];
  const stops: unknown[] = [];
  let together = 0;
  const scheduler = createScheduler({
    expression: '* * * * *',
    timezone: 'UTC',
    maxRuns: undefined,
    jitterMs: 0,
    runOnStart: false,
    graceMs: 5 * SECOND,
    secondSignal: 'a second signal ends it at once',
    log: createLog({ format: 'text', quiet: false, write: (text) => said.push(text) }),
    ...given,
    async run({ stop, due, jobEnded }) {
      expect(++together).toBe(1);
      starts.push(new Date().toISOString().slice(0, 19));
      await waitOrStop(stop, takesMs, () => stops.push(stop.reason));
      jobEnded();
      await waitOrStop(stop, deliversMs, () => {});
      dues.push(due?.dueAfter(Date.now(), 1.5));
      together--;
      return result;
    },
  });
  scheduler.start();
  return { scheduler, starts, dues, said, stops, pass: (ms: number) => vi.advanceTimersByTimeAsync(ms) };
}

test('each tick is a run, until there were as many as asked for', async () => {
  const { scheduler, starts, pass } = schedule({ at: '2026-05-01T10:00:30Z', maxRuns: 3 });
  expect(scheduler.state().nextTickMs).toBe(Date.parse('2026-05-01T10:01:00Z'));
  await pass(10 * MINUTE);
  expect(starts).toEqual(['2026-05-01T10:01:00', '2026-05-01T10:02:00', '2026-05-01T10:03:00']);
  expect(await scheduler.ended).toEqual({ failed: 0, pushFailures: 0, aborted: false });
  expect(scheduler.state().nextTickMs).toBeUndefined();
});

test('a tick during a run is skipped and counted, and never two run at once', async () => {
  const { scheduler, starts, said, pass } = schedule({ at: '2026-05-01T10:00:30Z', takesMs: 2.5 * MINUTE });
  await pass(6 * MINUTE);
  expect(starts).toEqual(['2026-05-01T10:01:00', '2026-05-01T10:04:00']);
  expect(scheduler.state()).toMatchObject({ skipped: 4, missed: 0, running: true });
  expect(said.filter((line) => line.includes('was skipped'))).toHaveLength(4);
});

test('a run that fails, and one that breaks prombatch itself, stop no schedule', async () => {
  const failed = { ...succeeded, outcome: { ...succeeded.outcome, status: 'failed' as const, error: 'x' } };
  const { scheduler, starts, pass } = schedule({ at: '2026-05-01T10:00:30Z', maxRuns: 2, result: failed });
  await pass(3 * MINUTE);
  expect(starts).toHaveLength(2);
  expect(await scheduler.ended).toMatchObject({ failed: 2 });
  const broken = schedule({ at: '2026-05-01T10:00:30Z', maxRuns: 2, result: undefined as never });
  await broken.pass(1.5 * MINUTE);
  expect(broken.scheduler.state().runs.succeeded).toBe(1);
});

test('with a run on start there is one at once, which counts', async () => {
  const { scheduler, starts, pass } = schedule({ at: '2026-05-01T10:00:30Z', maxRuns: 2, runOnStart: true });
  await pass(2 * MINUTE);
  expect(starts).toEqual(['2026-05-01T10:00:30', '2026-05-01T10:01:00']);
  await scheduler.ended;
});

test('with jitter each run begins within it, and the next success is due so much later', async () => {
  const { starts, dues, pass } = schedule({
    at: '2026-05-01T09:59:30Z',
    expression: '0 * * * *',
    jitterMs: 10 * MINUTE,
  });
  await pass(24 * HOUR);
  expect(starts).toHaveLength(24);
  for (const start of starts) expect(start).toMatch(/:0\d:\d\d$/);
  expect(new Set(starts.map((start) => start.slice(14))).size).toBeGreaterThan(5);
  expect(dues[0]).toBe(Date.parse('2026-05-01T12:10:01.500Z'));
});

describe('time moves', () => {
  test('after a sleep of three hours the missed ticks are counted and not run', async () => {
    const { scheduler, starts, said, pass } = schedule({
      at: '2026-05-01T10:00:30Z',
      expression: '*/20 * * * *',
    });
    await pass(30 * MINUTE);
    vi.setSystemTime(new Date('2026-05-01T13:25:10Z'));
    await pass(20 * MINUTE);
    expect(starts).toEqual(['2026-05-01T10:20:00', '2026-05-01T13:40:00']);
    // 10:40 to 13:20.
    expect(scheduler.state().missed).toBe(9);
    expect(said.filter((line) => line.includes('missed'))).toEqual([
      expect.stringContaining('9 runs from 2026-05-01T10:40:00.000Z to 2026-05-01T13:20:00.000Z were missed'),
    ]);
  });

  test('a clock that is set back by an hour runs no tick twice, and the schedule goes on where it was', async () => {
    const { scheduler, starts, pass } = schedule({ at: '2026-05-01T10:00:30Z', expression: '*/20 * * * *' });
    await pass(45 * MINUTE);
    expect(starts).toEqual(['2026-05-01T10:20:00', '2026-05-01T10:40:00']);
    vi.setSystemTime(new Date('2026-05-01T09:45:30Z'));
    await pass(2 * HOUR);
    expect(starts.slice(2)).toEqual(['2026-05-01T11:00:00', '2026-05-01T11:20:00', '2026-05-01T11:40:00']);
    expect(scheduler.state()).toMatchObject({ missed: 0, skipped: 0 });
  });

  test('a clock that is set forward by a second misses nothing', async () => {
    const { scheduler, starts, pass } = schedule({ at: '2026-05-01T10:00:30Z' });
    await pass(29 * SECOND);
    vi.setSystemTime(new Date('2026-05-01T10:01:00.400Z'));
    await pass(10 * SECOND);
    expect(starts).toHaveLength(1);
    expect(scheduler.state().missed).toBe(0);
  });

  test('a time that summer time leaves out is not run that day, as node-cron has it', async () => {
    const { starts, pass } = schedule({
      at: '2026-03-27T12:00:00Z',
      expression: '30 2 * * *',
      timezone: 'Europe/Berlin',
    });
    await pass(4 * 24 * HOUR);
    expect(starts).toEqual(['2026-03-28T01:30:00', '2026-03-30T00:30:00', '2026-03-31T00:30:00']);
  });

  test('a time that comes twice at the change to winter time is run once', async () => {
    const { starts, dues, pass } = schedule({
      at: '2026-10-23T12:00:00Z',
      expression: '30 2 * * *',
      timezone: 'Europe/Berlin',
    });
    await pass(3 * 24 * HOUR);
    expect(starts).toEqual(['2026-10-24T00:30:00', '2026-10-25T01:30:00', '2026-10-26T01:30:00']);
    expect(dues[0]).toBe(Date.parse('2026-10-26T01:30:01.500Z'));
  });

  test('the hour that comes twice is run once, and the success due after it knows that', async () => {
    const { starts, dues, pass } = schedule({
      at: '2026-10-24T23:30:00Z',
      expression: '*/20 * * * *',
      timezone: 'Europe/Berlin',
    });
    await pass(2.6 * HOUR);
    expect(starts).toEqual([
      '2026-10-24T23:40:00',
      '2026-10-25T01:00:00',
      '2026-10-25T01:20:00',
      '2026-10-25T01:40:00',
      '2026-10-25T02:00:00',
    ]);
    for (const [index, due] of dues.slice(0, 3).entries())
      expect(due).toBe(Date.parse(`${starts[index + 2]}Z`) + 1500);
  });
});

describe('told to stop', () => {
  test('between two runs it ends at once', async () => {
    const { scheduler, pass } = schedule({ at: '2026-05-01T10:00:30Z' });
    await pass(5 * MINUTE);
    scheduler.stop('SIGTERM');
    expect(await scheduler.ended).toMatchObject({ signal: 'SIGTERM', aborted: false });
    expect(vi.getTimerCount()).toBe(0);
  });

  test('the run under way may end by itself, and no other begins', async () => {
    const { scheduler, starts, stops, pass } = schedule({ at: '2026-05-01T10:00:58Z', takesMs: 4 * SECOND });
    await pass(3 * SECOND);
    scheduler.stop('SIGTERM');
    expect(scheduler.state()).toMatchObject({ stopping: true, running: true });
    await pass(5 * MINUTE);
    expect(await scheduler.ended).toMatchObject({ signal: 'SIGTERM', aborted: false, failed: 0 });
    expect([starts.length, stops.length]).toEqual([1, 0]);
  });

  test('a run that goes on is stopped when the grace period is over', async () => {
    const { scheduler, stops, pass } = schedule({ at: '2026-05-01T10:00:58Z', takesMs: HOUR });
    await pass(3 * SECOND);
    scheduler.stop('SIGINT');
    await pass(4 * SECOND);
    expect(stops).toEqual([]);
    await pass(2 * SECOND);
    expect(await scheduler.ended).toMatchObject({ signal: 'SIGINT', aborted: true });
    expect(stops[0]).toBeInstanceOf(StoppedBySignal);
    expect(stops[0]).toMatchObject({ signal: 'SIGINT', graceMs: 1000 });
  });

  test('a run of which only the delivery is left is not stopped, and its delivery is told to hurry', async () => {
    const { scheduler, stops, pass } = schedule({ at: '2026-05-01T10:00:58Z', deliversMs: HOUR });
    await pass(3 * SECOND);
    scheduler.stop('SIGTERM');
    expect(await scheduler.ended).toMatchObject({ signal: 'SIGTERM', aborted: false, failed: 0 });
    expect(stops).toEqual([]);
  });

  test('a run that ends in its grace period hurries its delivery, too', async () => {
    const { scheduler, pass } = schedule({
      at: '2026-05-01T10:00:58Z',
      takesMs: 4 * SECOND,
      deliversMs: HOUR,
    });
    await pass(3 * SECOND);
    scheduler.stop('SIGTERM');
    await pass(4 * SECOND);
    expect(await scheduler.ended).toMatchObject({ aborted: false, failed: 0 });
  });

  test('a run that waits out its jitter does not begin', async () => {
    const { scheduler, starts, pass } = schedule({ at: '2026-05-01T10:00:59Z', jitterMs: HOUR });
    await pass(1.5 * SECOND);
    scheduler.stop('SIGTERM');
    await scheduler.ended;
    await pass(2 * HOUR);
    expect(starts).toEqual([]);
  });
});
