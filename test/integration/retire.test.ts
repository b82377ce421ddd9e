import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { CLI, runCli } from '../support/cli.js';
import { directRun } from '../support/direct-run.js';
import { fencedBlock } from '../support/examples.js';
import { answering, refusing, rejecting } from '../support/faulty-server.js';
import { startProgram } from '../support/program.js';
import { describeOnReceivers } from '../support/receivers.js';
import { type Collector, startCollector } from '../support/remote-write.js';
import { waitFor } from '../support/wait-for.js';

const START = 'batch_job_last_start_timestamp_seconds';
const COMPLETION = 'batch_job_last_completion_timestamp_seconds';
const RETIRED = 'batch_job_retired_timestamp_seconds';
const RETIRED_JOBS = fencedBlock('docs/remote-write.md', 'promql', RETIRED);
const LATER = fileURLToPath(new URL('../support/ten-minutes-later.cjs', import.meta.url));

let spool: string;
beforeEach(() => {
  spool = mkdtempSync(join(tmpdir(), 'prombatch-retire-'));
});
afterEach(() => rmSync(spool, { recursive: true, force: true }));

const retire = (args: readonly string[], options = {}) =>
  runCli(['delete', '--retire', '--yes', '--push-timeout', '2s', '--spool', spool, ...args], options);

describeOnReceivers('delete --retire', (receiver) => {
  test('is one more sample of the group, after all others; the next start is newer', async () => {
    const { url } = receiver();
    const job = 'retire "me"';
    const grouping = [['host', 'db1']] as const;
    const run = { startedAtMs: Date.now() - 1000, completedAtMs: Date.now() };
    await directRun({ url, job, grouping, spool }, run);
    const beforeMs = Date.now();
    const args = ['--job', job, '--grouping', 'host=db1', '--remote-write', url];
    const first = await retire(args);
    expect([first.code, first.stderr, first.stdout]).toEqual([
      0,
      '',
      `retired ${job} {host="db1"} at ${url}\n`,
    ]);
    expect((await retire(args)).code).toBe(0);
    const afterMs = Date.now();
    expect(await receiver().query(RETIRED_JOBS, Date.now() + 1000)).toBeGreaterThan(beforeMs / 1000);
    await directRun({ url, job, grouping, spool }, { startedAtMs: Date.now(), completedAtMs: Date.now() });

    expect(await receiver().query(RETIRED_JOBS, Date.now() + 1000)).toBeUndefined();
    const stored = await receiver().stored(job);
    const { [`${RETIRED}{host="db1"}`]: retired = [], [`${COMPLETION}{host="db1"}`]: ended = [] } = stored;
    expect(retired).toHaveLength(2);
    for (const [timeMs, value] of retired) {
      expect(value * 1000).toBeGreaterThanOrEqual(beforeMs);
      expect(value * 1000).toBeLessThanOrEqual(afterMs);
      expect(timeMs).toBeGreaterThanOrEqual(ended[0]?.[0] ?? Number.NaN);
      expect(timeMs).toBeLessThan(ended[1]?.[0] ?? Number.NaN);
    }
    const [, last] = retired;
    expect(stored[`${START}{host="db1"}`]?.at(-1)?.[1]).toBeGreaterThanOrEqual(last?.[1] ?? Number.NaN);
    const labels = (await receiver().labels(job)).filter((each) => each.__name__ === RETIRED);
    expect(labels).toEqual([{ __name__: RETIRED, job, host: 'db1', delivery: 'remote_write' }]);
  });
});

describe('delete --retire', () => {
  let collector: Collector;
  beforeAll(async () => {
    collector = await startCollector();
  });
  afterAll(() => collector.close());

  test('is not older than a start by a clock that was set back since, nor are its samples', async () => {
    const run = ['exec', '--job', 'ahead', '--spool', spool, '--remote-write', collector.url, '--', 'true'];
    expect((await runCli(run, { nodeArgs: ['--require', LATER] })).code).toBe(0);
    expect((await retire(['--job', 'ahead', '--remote-write', collector.url])).code).toBe(0);
    const of = (name: string) => collector.samples(name, { job: 'ahead' }).at(-1) ?? [0, 0];
    expect(of(START)[1]).toBeGreaterThan(Date.now() / 1000);
    expect(of(RETIRED)[1]).toBeGreaterThanOrEqual(of(START)[1]);
    expect(of(RETIRED)[0]).toBeGreaterThan(of(COMPLETION)[0]);
  });

  test('says if this host has run no such job', async () => {
    const { code, stdout, stderr } = await retire(['--job', 'misspelt', '--remote-write', collector.url]);
    expect(code).toBe(0);
    expect(stdout).toBe(`retired misspelt at ${collector.url}\n`);
    expect(stderr).toContain(`this host knows of no run of {job="misspelt"} for ${collector.url}`);
    expect(stderr).toContain('check --job, --grouping and --spool');
  });

  test('with --dry-run says what it would do, and sends and keeps nothing', async () => {
    const before = collector.requests.length;
    const { code, stdout } = await retire(['--job', 'a', '--dry-run', '--remote-write', collector.url]);
    expect([code, stdout]).toEqual([0, `would retire a at ${collector.url}\n`]);
    expect(collector.requests).toHaveLength(before);
    expect(readdirSync(spool)).toEqual([]);
  });

  test('works with a spool that cannot be used', async () => {
    const given = ['--job', 'a', '--spool', '/proc/spool', '--remote-write', collector.url];
    expect((await retire(given)).code).toBe(0);
    expect(existsSync('/proc/spool')).toBe(false);
  });

  test('a receiver that takes nothing keeps no other from it, and is exit 3', async () => {
    const down = await refusing();
    const url = `http://${down.address}/api/v1/write`;
    const { code, stdout, stderr } = await retire([
      '--job',
      'a',
      '--remote-write',
      url,
      '--remote-write',
      collector.url,
    ]);
    await down.close();
    expect([code, stdout]).toEqual([3, `retired a at ${collector.url}\n`]);
    expect(stderr).toContain(`a was not retired: nothing listens at ${url.replace(/\/api.*/, '')}`);
    expect(stderr).toContain('check the address in --remote-write');
  });

  test('a refusal is shown in the receiver’s own words, and an answer of 500 is tried again', async () => {
    const strict = await rejecting(400, 'no such tenant');
    const weak = await answering({ status: 500 }, { status: 204 });
    const at = ({ address }: { address: string }) => ['--remote-write', `http://${address}/api/v1/write`];
    const refused = await retire(['--job', 'a', ...at(strict)]);
    const again = await retire(['--job', 'a', ...at(weak)]);
    await Promise.all([strict.close(), weak.close()]);
    expect([refused.code, refused.stdout]).toEqual([3, '']);
    expect(refused.stderr).toContain('(400): no such tenant');
    expect([again.code, weak.requests.length]).toEqual([0, 2]);
  });

  test.each<{ args: readonly string[]; message: string; env?: Readonly<Record<string, string>> }>([
    { args: ['--retire', '--job', 'a'], message: '--retire: expected a receiver of remote write, got none' },
    {
      args: ['--retire', '--job', 'a', '-g', '127.0.0.1:1'],
      message: '--retire: expected a receiver of remote write, got none',
    },
    { args: ['--retire', '--remote-write', 'r:1'], message: '--job: expected the name of a job, got none' },
    {
      args: ['--retire', '--job', 'a', '--all-groupings', '--remote-write', 'r:1'],
      message: '--all-groupings: expected it without --retire',
    },
    {
      args: ['--retire', '--job', 'a', '--grouping', 'delivery=x', '--remote-write', 'r:1'],
      message: 'grouping: expected a label other than "delivery"',
    },
    {
      args: ['--retire', '--job', 'a', '--remote-write', 'http://u:hunter2@r:1/w'],
      message: 'with user and password in PROMBATCH_REMOTE_WRITE alone',
    },
    {
      args: ['--job', 'a', '--remote-write', 'r:1'],
      message:
        '--gateway: expected the Pushgateway that holds the group, got receivers of remote write alone',
    },
    {
      args: ['--job', 'a'],
      message: 'got receivers of remote write alone',
      env: { PROMBATCH_REMOTE_WRITE: 'r:1' },
    },
  ])('delete $args is exit 2 and says what was expected', async ({ args, message, env = {} }) => {
    const { code, stdout, stderr } = await runCli(['delete', '--yes', '--spool', spool, ...args], { env });
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toContain(message);
    expect(stderr).not.toContain('hunter2');
  });

  test('where there is no terminal to ask on, it wants --yes', async () => {
    const args = ['delete', '--retire', '--job', 'a', '--remote-write', collector.url];
    const before = collector.requests.length;
    const { code, stderr } = await runCli(args);
    expect(code).toBe(2);
    expect(stderr).toContain('expected --yes, since there is no terminal to ask on');
    expect(collector.requests).toHaveLength(before);
  });

  test.each([
    ['y', 0, 1],
    ['n', 1, 0],
  ])('on a terminal it asks, and the answer %j counts', async (answer, code, requests) => {
    const before = collector.requests.length;
    const command = `${process.execPath} ${CLI} delete --retire --job a --spool ${spool} --remote-write ${collector.url}; exit $?`;
    const terminal = startProgram('script', ['-qec', command, '/dev/null'], {}, 'terminal');
    await waitFor('the question', () => terminal.stdout().includes(`Retire a at ${collector.url}?`));
    terminal.child.stdin?.write(`${answer}\n`);
    const result = await terminal.result;
    terminal.child.stdin?.end();
    expect(result.stdout).toContain(answer === 'y' ? 'retired a' : 'nothing was retired');
    expect([result.code, collector.requests.length - before]).toEqual([code, requests]);
  });

  test('user and password of the variable get in, and are not shown', async () => {
    const receiver = await answering({ status: 204 });
    const env = { PROMBATCH_REMOTE_WRITE: `http://u:hunter2@${receiver.address}/w` };
    const { code, stdout, stderr } = await retire(['--job', 'a'], { env });
    await receiver.close();
    expect(code).toBe(0);
    expect(receiver.requests[0]).toContain(`Basic ${Buffer.from('u:hunter2').toString('base64')}`);
    expect(stdout + stderr).not.toContain('hunter2');
  });
});
