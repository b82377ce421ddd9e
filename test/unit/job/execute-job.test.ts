import { setTimeout as pause } from 'node:timers/promises';
import { expect, test } from 'vitest';
import type { MetricsSource } from '../../../src/exposition/metrics-source.js';
import type { AnyJob, CommandContext, CommandResult } from '../../../src/job/any-job.js';
import { createExecution } from '../../../src/job/execute-job.js';
import { defineJob, type JobDefinition } from '../../../src/job/job.js';
import { JobCrashed, StoppedBySignal } from '../../../src/job/stop-reason.js';
import { completionTime, startStopwatch } from '../../../src/job/stopwatch.js';
import { createLog } from '../../../src/log.js';
import { JobFailed } from '../../../src/outcome/outcome.js';

const registry: MetricsSource = { metrics: () => '' };

function execute(
  run: JobDefinition<MetricsSource>['run'],
  options: { timeoutMs?: number; graceMs?: number; stop?: AbortSignal } = {},
) {
  return start(defineJob({ name: 'test', run }), options);
}

/** Runs a job that is a process of its own. */
function executeCommand(
  run: (context: CommandContext<MetricsSource>) => CommandResult | Promise<CommandResult>,
  options: Parameters<typeof execute>[1] = {},
) {
  const job = defineJob<MetricsSource>({ name: 'test', run: run as JobDefinition<MetricsSource>['run'] });
  return start({ ...job, passOn() {} }, options);
}

function start(job: AnyJob, options: Parameters<typeof execute>[1]) {
  const warnings: string[] = [];
  const log = createLog({ format: 'text', quiet: true, write: (text) => warnings.push(text) });
  const execution = createExecution(job, {
    registry,
    previous: undefined,
    stopwatch: startStopwatch(),
    settings: {
      stop: new AbortController().signal,
      timeoutMs: 0,
      graceMs: 1000,
      log,
      onProgress() {},
      ...options,
    },
  });
  return { execution, outcome: execution.start(), warnings };
}

test('a job that returns has succeeded, with what it reported', async () => {
  const { outcome } = execute(() => ({ recordsProcessed: 5 }));
  expect(await outcome).toMatchObject({ status: 'succeeded', exitCode: 0, recordsProcessed: 5 });
});

test('a job that fails reports the records it got through', async () => {
  const { outcome } = execute(({ progress }) => {
    progress(3, 10);
    throw new JobFailed('no more', { exitCode: 42 });
  });
  expect(await outcome).toMatchObject({ status: 'failed', exitCode: 42, recordsProcessed: 3 });
});

test('a figure that is no count is a warning, not a metric', async () => {
  const { outcome, warnings } = execute(({ progress }) => {
    progress(Number.NaN);
    return { recordsProcessed: -1 };
  });
  expect((await outcome).recordsProcessed).toBeUndefined();
  expect(warnings).toHaveLength(2);
});

test('a job asked to stop counts as stopped, even if it then returns', async () => {
  const stop = new AbortController();
  const { outcome } = execute(
    async ({ signal }) => {
      await pause(60_000, undefined, { signal }).catch(() => {});
      return { recordsProcessed: 2 };
    },
    { stop: stop.signal },
  );
  stop.abort(new StoppedBySignal('SIGTERM'));
  expect(await outcome).toMatchObject({
    status: 'interrupted',
    signal: 'SIGTERM',
    exitCode: 143,
    recordsProcessed: 2,
  });
});

test('the first cause wins: a signal after the deadline does not change the outcome', async () => {
  const stop = new AbortController();
  const { outcome } = execute(
    async ({ signal }) => {
      await pause(60_000, undefined, { signal }).catch(() => stop.abort(new StoppedBySignal('SIGTERM')));
    },
    { stop: stop.signal, timeoutMs: 5 },
  );
  expect(await outcome).toMatchObject({ status: 'timed_out', exitCode: 124, timeoutMs: 5 });
});

test('a crash gives up the job at once, even in its grace period', async () => {
  const stop = new AbortController();
  const { outcome } = execute(
    ({ signal }) => {
      signal.addEventListener('abort', () => stop.abort(new JobCrashed(new Error('boom'))));
      return new Promise(() => {});
    },
    { stop: stop.signal, timeoutMs: 5, graceMs: 3_600_000 },
  );
  expect(await outcome).toMatchObject({ status: 'timed_out' });
});

test('stages add up by name, count while they run and fail with their error', async () => {
  const { outcome } = execute(
    async ({ stage }) => {
      expect(await stage('a', () => 7)).toBe(7);
      await stage('a', () => pause(2));
      await expect(stage('b', () => Promise.reject(new Error('in b')))).rejects.toThrow('in b');
      await stage('open', () => new Promise(() => {}));
    },
    { timeoutMs: 30, graceMs: 0 },
  );
  const { stages } = await outcome;
  expect(stages.map(([name]) => name)).toEqual(['a', 'b', 'open']);
  expect(stages[0]?.[1]).toBeGreaterThan(0.001);
  expect(stages[2]?.[1]).toBeGreaterThan(0.001);
});

test.each([
  [1000, 500, 1500, 1500],
  [1000, 500, 400, 1500],
  [1000, 500, 9000, 9000],
])('start %i, duration %i, clock %i: completed at %i', (start, duration, clock, completed) => {
  expect(completionTime(start, duration, clock)).toBe(completed);
});

test('a job that is a process of its own ends the run with its exit code', async () => {
  const { outcome } = executeCommand(() => ({
    exit: { code: 3, reason: 'exited with 3' },
    metricsRejected: true,
  }));
  expect(await outcome).toMatchObject({ status: 'failed', exitCode: 3, metricsRejected: true });
  expect((await outcome) as { error?: unknown }).toHaveProperty('error.message', 'exited with 3');
  const { outcome: good } = executeCommand(() => ({ exit: { code: 0, reason: 'exited with 0' } }));
  expect(await good).toMatchObject({ status: 'succeeded', exitCode: 0 });
});

test.each([
  [new StoppedBySignal('SIGTERM'), 9, { status: 'interrupted', exitCode: 9 }],
  [new StoppedBySignal('SIGTERM'), 0, { status: 'interrupted', exitCode: 0 }],
])('stopped by %s, a process that exits with %i keeps its code', async (reason, code, expected) => {
  const stop = new AbortController();
  const { outcome } = executeCommand(
    async ({ signal }) => {
      await new Promise((resolve) => signal.addEventListener('abort', resolve));
      return { exit: { code, reason: 'x' } };
    },
    { stop: stop.signal },
  );
  stop.abort(reason);
  expect(await outcome).toMatchObject(expected);
});

test.each([5, null, 'three', { code: 3, reason: 'x' }])(
  'an exit of %j, which a job in code may return by accident, is none',
  async (exit) => {
    const { outcome } = execute(() => ({ exit }) as never);
    expect(await outcome).toMatchObject({ status: 'succeeded', exitCode: 0 });
  },
);

test('what ends a job after its grace is called once, and the run waits for it', async () => {
  let ended = 0;
  const { outcome } = executeCommand(
    ({ onGraceOver }) =>
      new Promise((resolve) => {
        onGraceOver(() => {
          ended++;
          setImmediate(() => resolve({ exit: { code: 137, reason: 'killed' } }));
        });
      }),
    { timeoutMs: 1, graceMs: 1 },
  );
  expect(await outcome).toMatchObject({ status: 'timed_out', exitCode: 124 });
  expect(ended).toBe(1);
});

test('a job that is abandoned ends as it stands, and what it does later counts for nothing', async () => {
  const warnings: string[] = [];
  let report: (done: number) => void = () => {};
  const { abandon } = start(
    defineJob<MetricsSource>({
      name: 'test',
      run: async ({ progress, stage }) => {
        report = progress;
        progress(4);
        await stage('load', () => new Promise(() => {}));
      },
    }),
    {},
  ).execution;
  const outcome = abandon({ status: 'interrupted', signal: 'SIGTERM' });
  report(9);
  expect(outcome).toMatchObject({ status: 'interrupted', exitCode: 143, recordsProcessed: 4 });
  expect(outcome.stages.map(([name]) => name)).toEqual(['load']);
  expect(warnings).toEqual([]);
});
