import { describe, expect, test } from 'vitest';
import { defineJob, JobFailed, pushMetrics, runJob } from '../../../src/index.js';
import { createLog } from '../../../src/log.js';
import type { RunOptions } from '../../../src/run/run-options.js';
import { startGateway } from '../../../src/testing.js';

const job = defineJob({ name: 'a', run() {} });

describe('an option that makes no sense is a UsageError, and nothing is run', () => {
  test.each([
    [
      { timeoutMs: Number.POSITIVE_INFINITY },
      'timeoutMs: expected milliseconds from 0 to 2147483647, got Infinity',
    ],
    [{ timeoutMs: 30 * 86_400_000 }, 'timeoutMs: expected milliseconds'],
    [{ pushTimeoutMs: Number.NaN }, 'pushTimeoutMs: expected milliseconds from 1'],
    [{ graceMs: -1 }, 'graceMs: expected'],
    [{ job: 5 }, 'job: expected a text, got number'],
    [{ grouping: { a: 1 } }, 'grouping: expected a text for label "a", got number'],
    [
      { expectedInterval: '0 3 * * *', timezone: 'Mars' },
      'expected an IANA time zone such as Europe/Berlin, got "Mars"',
    ],
    [{ gateway: 'ftp://x' }, 'gateway: expected host:port'],
  ])('%j', async (options, message) => {
    let ran = false;
    const spy = defineJob({
      name: 'a',
      run() {
        ran = true;
      },
    });
    await expect(runJob(spy, { gateway: 'none', ...options } as RunOptions)).rejects.toMatchObject({
      name: 'UsageError',
      exitCode: 2,
      message: expect.stringContaining(message),
    });
    expect(ran).toBe(false);
  });
});

test('a listener that throws does not cost the outcome', async () => {
  const gateway = await startGateway();
  const warnings: string[] = [];
  const result = await runJob(job, {
    gateway: gateway.url,
    log: createLog({ format: 'text', quiet: true, write: (text) => warnings.push(text) }),
    onEnd() {
      throw new Error('broken listener');
    },
  });
  expect(result).toMatchObject({ exitCode: 0, delivery: { status: 'delivered' } });
  expect(warnings[0]).toContain('telling of the run failed: broken listener');
  expect(gateway.groups()[0]?.samples.batch_job_success).toBe(1);
  await gateway.close();
});

test.each([0, 256, 1.5, Number.NaN])('JobFailed does not take %d for an exit code', (exitCode) => {
  expect(() => new JobFailed('x', { exitCode })).toThrow('expected an exit code from 1 to 255');
});

describe('pushMetrics', () => {
  test('pushes anything that has metrics()', async () => {
    const gateway = await startGateway();
    await pushMetrics(
      { metrics: () => 'rows 3\n' },
      { gateway: gateway.url, job: 'plain', grouping: { shard: '1' } },
    );
    expect(gateway.groups()).toEqual([{ labels: { job: 'plain', shard: '1' }, samples: { rows: 3 } }]);
    await gateway.close();
  });

  test('refuses a label that the gateway would overwrite', async () => {
    const source = { metrics: () => 'rows{shard="2"} 3\n' };
    const pushed = pushMetrics(source, { gateway: 'localhost:1', job: 'plain', grouping: { shard: '1' } });
    await expect(pushed).rejects.toMatchObject({ code: 'OWN_METRICS_REFUSED' });
  });

  test("a refused push is a PushRejected with the status and the gateway's message", async () => {
    const gateway = await startGateway();
    await expect(
      pushMetrics({ metrics: () => 'rows' }, { gateway: gateway.url, job: 'a' }),
    ).rejects.toMatchObject({
      name: 'PushRejected',
      status: 400,
      retryable: false,
      serverMessage: expect.stringContaining('text format parsing error in line 1'),
    });
    await gateway.close();
  });
});
