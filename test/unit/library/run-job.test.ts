import { mkdtempSync, readdirSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { defineJob, JobFailed, pushMetrics, type RunJobOptions, runJob } from '../../../src/index.js';
import { createLog } from '../../../src/log.js';
import { resolveRunOptions } from '../../../src/run/run-options.js';
import { batchSettings, onPushFailureSetting } from '../../../src/settings/batch-settings.js';
import { resolveSettings } from '../../../src/settings/setting.js';
import { startGateway } from '../../../src/testing.js';

const job = defineJob({ name: 'a', run() {} });
const source = { metrics: () => 'rows 3\n' };

afterEach(() => {
  vi.unstubAllEnvs();
});

describe('an option that makes no sense is a UsageError, and nothing is run', () => {
  test.each([
    [
      { timeoutMs: Number.POSITIVE_INFINITY },
      'timeoutMs: expected whole milliseconds from 0 to 2147483647, got Infinity',
    ],
    [{ timeoutMs: 30 * 86_400_000 }, 'timeoutMs: expected whole milliseconds'],
    [{ timeoutMs: '30s' }, 'timeoutMs: expected whole milliseconds from 0 to 2147483647, got "30s"'],
    [{ pushTimeoutMs: Number.NaN }, 'pushTimeoutMs: expected whole milliseconds from 1'],
    [{ pushTimeoutMs: 0 }, 'pushTimeoutMs: expected whole milliseconds from 1'],
    [{ graceMs: -1 }, 'graceMs: expected'],
    [{ pushIntervalMs: 0.5 }, 'pushIntervalMs: expected whole milliseconds from 0 to 2147483647, got 0.5'],
    [{ job: 5 }, 'job: expected a name for the job, got 5'],
    [{ job: '' }, 'job: expected a name for the job, got ""'],
    [{ grouping: { a: 1 } }, 'grouping: expected a text for label "a", got 1'],
    [{ grouping: 'a=1' }, 'grouping: expected labels such as { host: "db1" }, got "a=1"'],
    [{ grouping: [['a']] }, 'grouping: expected pairs of a name and a value, got an array'],
    [{ grouping: new Map([['a', '1']]) }, 'grouping: expected labels such as { host: "db1" }, got a Map'],
    [{ job: 'a\ud800' }, 'job: expected a name, got "a\\ud800", which is not valid Unicode'],
    [{ spool: '/tmp/a\0b' }, 'spool: expected a folder or false, got "/tmp/a\\u0000b"'],
    [{ textfile: 'a\0' }, 'textfile: expected'],
    [{ httpConfigFile: 'a\0' }, 'httpConfigFile: expected'],
    [{ grouping: null }, 'grouping: expected labels such as { host: "db1" }, got null'],
    [{ grouping: { job: 'x' } }, 'grouping: expected a label other than "job", got "job=x"'],
    [
      { expectedInterval: '0 3 * * *', timezone: 'Mars' },
      'timezone: expected an IANA time zone such as Europe/Berlin, got "Mars"',
    ],
    [
      { expectedInterval: 3_600_000 },
      'expectedInterval: expected a duration such as 1h or a cron expression',
    ],
    [{ gateway: 'ftp://x' }, 'gateway: expected host:port'],
    [{ gateway: 5 }, 'gateway: expected the address of a Pushgateway such as http://localhost:9091, got 5'],
    [{ gateway: '' }, 'gateway: expected the address of a Pushgateway'],
    [{ gateway: 'embedded' }, 'gateway: expected an address or none, got "embedded"'],
    [{ replace: 'yes' }, 'replace: expected true or false, got "yes"'],
    [{ onPushFailure: 'ignore' }, 'onPushFailure: expected fail or warn, got "ignore"'],
    [{ spool: true }, 'spool: expected a folder or false, got true'],
    [{ spoolLimit: 5 }, 'spoolLimit: expected { entries, bytes }, each a whole number from 1, got 5'],
    [{ spoolLimit: { entries: 0, bytes: 5 } }, 'spoolLimit: expected { entries, bytes }'],
    [{ credentials: { username: 'u' } }, 'credentials: expected a username and a password, got an object'],
    [{ signal: new AbortController() }, 'signal: expected an AbortSignal, got an object'],
    [{ log: {} }, 'log: expected a log with debug(), info(), warn() and error(), got an object'],
    [{ log: { info() {}, warn() {}, error() {} } }, 'log: expected a log with debug()'],
    [{ onEnd: 'x' }, 'onEnd: expected a function, got "x"'],
    [{ due: {} }, 'due: expected an object with dueAfter(), got an object'],
    [{ env: 'A=1' }, 'env: expected an object, got "A=1"'],
    [{ timeout: 5 }, 'options: expected no option "timeout"; did you mean timeoutMs?'],
    [{ 'no-start-push': true }, 'options: expected no option "no-start-push"; did you mean startPush?'],
    [{ gatway: 'x' }, 'options: expected no option "gatway"; did you mean gateway?'],
    [{ constructor: 'x' }, 'options: expected no option "constructor"'],
  ])('%j', async (options, message) => {
    let ran = false;
    const spy = defineJob({
      name: 'a',
      run() {
        ran = true;
      },
    });
    const given: object = { gateway: 'none', env: {}, ...options };
    await expect(runJob(spy, given)).rejects.toMatchObject({
      name: 'UsageError',
      exitCode: 2,
      message: expect.stringContaining(message),
    });
    expect(ran).toBe(false);
  });

  test('options that are none, and a job that is none', async () => {
    const untyped: (...given: unknown[]) => Promise<unknown> = runJob as never;
    await expect(untyped(job, null)).rejects.toThrow('options: expected an object, got null');
    await expect(untyped({ gateway: 5 })).rejects.toThrow(
      'job: expected a job that defineJob made, got an object',
    );
    await expect(untyped()).rejects.toThrow('job: expected a job that defineJob made, got undefined');
  });

  test('an address with a password in it is shown without', async () => {
    const refused = runJob(job, { gateway: 'ftp://u:secret@h', env: {} });
    await expect(refused).rejects.toThrow('got "ftp://***@h"');
  });
});

test('the defaults of runJob are those of the command', () => {
  const settings = { ...batchSettings, onPushFailure: onPushFailureSetting('fail') };
  const { noStartPush, dryRun, ...values } = resolveSettings(settings, {}, {});
  expect({ noStartPush, dryRun }).toEqual({ noStartPush: false, dryRun: false });
  const ofCommand = resolveRunOptions('a', values);
  const ofLibrary = resolveRunOptions('a', {});
  for (const group of ['key', 'delivery', 'pushes'] as const) {
    expect(ofLibrary[group]).toEqual(ofCommand[group]);
  }
  const { timeoutMs, graceMs } = ofCommand.job;
  expect(ofLibrary.job).toMatchObject({ timeoutMs, graceMs });
});

describe('where to deliver comes from the environment, unless an option says otherwise', () => {
  const grouped = async (options: RunJobOptions) => (await runJob(job, options)).delivery.status;

  test('the gateway, by either variable; what the job is does not', async () => {
    const gateway = await startGateway();
    vi.stubEnv('PUSHGATEWAY_URL', ` ${gateway.url}\n`);
    vi.stubEnv('PROMBATCH_JOB', 'from_env');
    vi.stubEnv('PROMBATCH_GROUPING', 'shard=1');
    vi.stubEnv('PROMBATCH_TIMEOUT', 'nonsense');
    expect(await grouped({})).toBe('delivered');
    expect(gateway.groups().map(({ labels }) => labels)).toEqual([{ job: 'a' }]);
    vi.stubEnv('PROMBATCH_GATEWAY', 'none');
    expect(await grouped({})).toBe('none');
    gateway.wipe();
    expect(await grouped({ gateway: gateway.url })).toBe('delivered');
    await pushMetrics(source, { job: 'b' });
    expect(gateway.groups().map(({ labels }) => labels)).toEqual([{ job: 'a' }]);
    vi.stubEnv('PROMBATCH_GATEWAY', '');
    await pushMetrics(source, { job: 'b' });
    expect(gateway.groups().map(({ labels }) => labels)).toEqual([{ job: 'a' }, { job: 'b' }]);
    await gateway.close();
  });

  test('user and password, for runJob and pushMetrics; env: {} keeps them apart', async () => {
    const seen: (string | undefined)[] = [];
    const server = createServer((request, response) => {
      seen.push(request.headers.authorization);
      request.resume().on('end', () => response.end());
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const gateway = `127.0.0.1:${(server.address() as AddressInfo).port}`;
    vi.stubEnv('PUSHGATEWAY_USERNAME', 'u');
    vi.stubEnv('PUSHGATEWAY_PASSWORD', 'p');
    const basic = (text: string) => `Basic ${Buffer.from(text).toString('base64')}`;
    await pushMetrics(source, { gateway, job: 'b' });
    await pushMetrics(source, { gateway, job: 'b', env: {} });
    await pushMetrics(source, { gateway, job: 'b', credentials: { username: 'x', password: 'y' } });
    await runJob(job, { gateway, startPush: false });
    expect(seen).toEqual([basic('u:p'), undefined, basic('x:y'), basic('u:p')]);
    await new Promise((resolve) => server.close(resolve));
  });

  test('the spool, which is none by default', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'spool-'));
    const gateway = 'http://127.0.0.1:1';
    const run = async (options: RunJobOptions) =>
      (await runJob(job, { gateway, startPush: false, pushTimeoutMs: 300, ...options })).delivery;
    const kept = () => readdirSync(folder).length;
    vi.stubEnv('XDG_STATE_HOME', folder);
    expect(await run({})).toMatchObject({ status: 'failed' });
    vi.stubEnv('PROMBATCH_SPOOL', join(folder, 'spool'));
    expect(await run({ spool: false })).not.toHaveProperty('spooled', true);
    expect(await run({ env: {} })).not.toHaveProperty('spooled', true);
    expect(kept()).toBe(0);
    vi.stubEnv('PROMBATCH_SPOOL_LIMIT', 'nonsense');
    const malformed = 'PROMBATCH_SPOOL_LIMIT: expected a number of entries';
    await expect(run({})).rejects.toThrow(malformed);
    expect(await run({ spoolLimit: { entries: 10, bytes: 2 ** 20 } })).toMatchObject({ spooled: true });
    expect(kept()).toBe(1);
  });

  test('a variable that is malformed breaks nothing where an option stands in for it', async () => {
    vi.stubEnv('PROMBATCH_GATEWAY', 'ftp://x');
    await expect(runJob(job)).rejects.toThrow('got "ftp://x"');
    expect((await runJob(job, { gateway: 'none' })).exitCode).toBe(0);
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
  expect(warnings[0]).toContain('a callback of the run failed: broken listener');
  expect(gateway.groups()[0]?.samples.batch_job_success).toBe(1);
  await gateway.close();
});

test('a log that throws does not cost the outcome', async () => {
  const gateway = await startGateway();
  const broken = () => {
    throw new Error('disk full');
  };
  const result = await runJob(job, {
    gateway: gateway.url,
    log: { debug: broken, info: broken, warn: broken, error: broken },
  });
  expect(result).toMatchObject({ exitCode: 0, delivery: { status: 'delivered' } });
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

  test.each([
    [{ job: undefined }, 'job: expected a name for the job, got undefined'],
    [{ job: '' }, 'job: expected a name for the job, got ""'],
    [{ method: 'DELETE' }, 'method: expected POST or PUT, got "DELETE"'],
    [{ method: 'post' }, 'method: expected POST or PUT, got "post"'],
    [
      { timeoutMs: Number.POSITIVE_INFINITY },
      'timeoutMs: expected whole milliseconds from 1 to 2147483647, got Infinity',
    ],
    [{ timeoutMs: 0 }, 'timeoutMs: expected whole milliseconds from 1'],
    [{ grouping: { a: 5 } }, 'grouping: expected a text for label "a", got 5'],
    [{ gateway: 5 }, 'gateway: expected the address of a Pushgateway'],
    [{ pushTimeoutMs: 5 }, 'options: expected no option "pushTimeoutMs"'],
    [{ timeout: 5 }, 'did you mean timeoutMs?'],
  ])('refuses %j by name', async (options, message) => {
    const given = { gateway: 'localhost:1', job: 'plain', env: {}, ...options } as never;
    await expect(pushMetrics(source, given)).rejects.toMatchObject({
      name: 'UsageError',
      message: expect.stringContaining(message),
    });
  });

  test('refuses what has no metrics(), and no options', async () => {
    await expect(pushMetrics({} as never, { job: 'a' })).rejects.toThrow(
      'source: expected a registry with metrics(), got an object',
    );
    await expect(pushMetrics(source, undefined as never)).rejects.toThrow(
      'options: expected an object, got undefined',
    );
  });

  test('adds the last newline, without which the gateway refuses a body', async () => {
    const gateway = await startGateway();
    await pushMetrics({ metrics: () => 'rows 3' }, { gateway: gateway.url, job: 'plain' });
    expect(gateway.groups()[0]?.samples).toEqual({ rows: 3 });
    await gateway.close();
  });

  test('a source that never answers is given up at the deadline', async () => {
    const silent = { metrics: () => new Promise<string>(() => {}) };
    const pushed = pushMetrics(silent, { gateway: 'localhost:1', job: 'plain', timeoutMs: 50 });
    await expect(pushed).rejects.toThrow('collecting them took more than 50ms');
  });

  test('a source that gives no text is told so', async () => {
    const pushed = pushMetrics({ metrics: () => undefined } as never, {
      gateway: 'localhost:1',
      job: 'plain',
    });
    await expect(pushed).rejects.toThrow('metrics() gave undefined, and no text');
  });

  describe('that is aborted says so', () => {
    const aborted = { name: 'PushError', code: 'PUSH_ABORTED', message: 'the push was aborted' };
    const silent = () => new Promise<string>(() => {});

    test('before it begins: nothing is pushed', async () => {
      const gateway = await startGateway();
      const signal = AbortSignal.abort();
      const pushed = pushMetrics(source, { gateway: gateway.url, job: 'plain', signal });
      await expect(pushed).rejects.toMatchObject(aborted);
      expect(gateway.groups()).toEqual([]);
      await gateway.close();
    });

    test('while it collects', async () => {
      const stop = new AbortController();
      const pushed = pushMetrics(
        { metrics: silent },
        { gateway: 'localhost:1', job: 'a', signal: stop.signal },
      );
      stop.abort();
      await expect(pushed).rejects.toMatchObject(aborted);
    });

    test('while the gateway keeps it waiting', async () => {
      const stop = new AbortController();
      const server = createServer(() => stop.abort());
      await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
      const { port } = server.address() as AddressInfo;
      const pushed = pushMetrics(source, { gateway: `127.0.0.1:${port}`, job: 'a', signal: stop.signal });
      await expect(pushed).rejects.toMatchObject(aborted);
      server.close();
    });
  });

  test('refuses a label that the gateway would overwrite', async () => {
    const overwritten = { metrics: () => 'rows{shard="2"} 3\n' };
    const pushed = pushMetrics(overwritten, {
      gateway: 'localhost:1',
      job: 'plain',
      grouping: { shard: '1' },
    });
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
