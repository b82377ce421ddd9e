import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { describeGroup } from '../../src/gateway/describe.js';
import { openGateway, type RunningGateway } from '../../src/gateway/gateway.js';
import { CLI, runCli, startCli } from '../support/cli.js';
import { type FaultProxy, startFaultProxy } from '../support/fault-proxy.js';
import { answering, judging } from '../support/faulty-server.js';
import { buildVariant } from '../support/variant.js';
import { waitFor } from '../support/wait-for.js';

let folder: string;
let spool: string;
let gateway: RunningGateway;
let proxy: FaultProxy;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'prombatch-spool-'));
  spool = join(folder, 'spool');
  gateway = await openGateway();
  proxy = await startFaultProxy();
});
afterEach(async () => {
  await proxy.close();
  await gateway.close();
  rmSync(folder, { recursive: true, force: true });
});

const flags = () => ['-g', proxy.address, '--spool', spool];
const run = (...args: string[]) =>
  runCli([
    'run',
    '--interval',
    '0',
    '--ticks',
    '2',
    '--push-timeout',
    proxy.reaches() ? '15s' : '200ms',
    ...flags(),
    ...args,
  ]);
const flush = (...args: string[]) => runCli(['flush', ...flags(), ...args]);
const files = (pattern = /\d{16}-.*\.json$/) =>
  existsSync(spool)
    ? readdirSync(spool, { recursive: true, encoding: 'utf8' })
        .filter((name) => pattern.test(name))
        .map((name) => join(spool, name))
    : [];
const samples = () =>
  Object.assign({}, ...gateway.groups().map((group) => describeGroup(group).samples)) as Record<
    string,
    number
  >;

describe('a dead gateway', () => {
  test('costs exit 3 and keeps the run; the next run sends both, in order', async () => {
    const first = await run('--fail-after', '1');
    expect(first.code).toBe(1);
    const second = await run();
    expect(second.code).toBe(3);
    expect(second.stderr).toContain('were not pushed: ');
    expect(files()).toHaveLength(2);
    for (const path of files()) expect(statSync(path).mode & 0o777).toBe(0o600);
    proxy.target(gateway.url);
    expect(await run('--fail-after', '2')).toMatchObject({ code: 1 });
    expect(files()).toEqual([]);
    expect(samples()).toMatchObject({ batch_job_success: 0, batch_job_exit_code: 1, prom_sample_counter: 2 });
    expect(samples().batch_job_last_success_timestamp_seconds).toBeGreaterThan(0);
  });

  test('a start push never overtakes what waits', async () => {
    const server = await answering({ status: 503 });
    const cli = startCli([
      'run',
      '--ticks',
      '2',
      '--interval',
      '300ms',
      '--push-timeout',
      '100ms',
      '-g',
      server.address,
      '--spool',
      spool,
    ]);
    expect((await cli.result).code).toBe(3);
    const before = server.requests.length;
    const again = await runCli([
      'run',
      '--ticks',
      '2',
      '--interval',
      '300ms',
      '--push-timeout',
      '100ms',
      '-g',
      server.address,
      '--spool',
      spool,
    ]);
    expect(again.code).toBe(3);
    const bodies = server.requests.slice(before).filter((request) => request.startsWith('POST'));
    for (const body of bodies) expect(body).toContain('batch_job_last_completion_timestamp_seconds');
    expect(server.requests.length).toBeGreaterThan(before);
    await server.close();
  });

  test('--no-spool keeps nothing', async () => {
    const result = await runCli(
      ['run', '--interval', '0', '--push-timeout', '200ms', '-g', proxy.address, '--no-spool'],
      { env: { XDG_STATE_HOME: folder } },
    );
    expect(result.code).toBe(3);
    expect(readdirSync(folder)).toEqual([]);
  });

  test('--spool keeps the run where PROMBATCH_NO_SPOOL is set, as in the image', async () => {
    await runCli(['run', '--interval', '0', '--push-timeout', '200ms', ...flags()], {
      env: { PROMBATCH_NO_SPOOL: 'true' },
    });
    expect(files()).toHaveLength(1);
  });

  test('by default the spool is in the state home', async () => {
    await runCli(['run', '--interval', '0', '--push-timeout', '200ms', '-g', proxy.address], {
      env: { XDG_STATE_HOME: folder },
    });
    expect(readdirSync(join(folder, 'prombatch', 'spool'))).toHaveLength(1);
  });
});

describe('flush', () => {
  test('says what it sent and what waits for other gateways', async () => {
    await run('--job', 'one');
    await run('--job', 'two');
    await runCli([
      'run',
      '--interval',
      '0',
      '--push-timeout',
      '200ms',
      '-g',
      '127.0.0.1:1',
      '--spool',
      spool,
    ]);
    const down = await flush('--json', '--push-timeout', '100ms');
    expect(down.code).toBe(1);
    expect(JSON.parse(down.stdout)).toMatchObject({ sent: 0, left: 2 });
    proxy.target(gateway.url);
    const up = await flush('--json');
    expect(up).toMatchObject({ code: 0, stderr: '' });
    expect(JSON.parse(up.stdout)).toEqual({
      gateway: `http://${proxy.address}`,
      sent: 2,
      dropped: 0,
      rejected: 0,
      left: 0,
      elsewhere: [{ gateway: 'http://127.0.0.1:1', entries: 1 }],
    });
    expect(gateway.groups().map(({ labels }) => labels)).toEqual([[['job', 'one']], [['job', 'two']]]);
    expect((await flush()).stdout).toContain(
      'http://127.0.0.1:1: 1 waiting; send with --gateway http://127.0.0.1:1',
    );
  });

  test('a gateway that refuses whatever it is sent loses no outcome: all of them go when it takes pushes again', async () => {
    let refusing = true;
    const completions: string[] = [];
    const server = await judging((request) => {
      if (request.startsWith('GET')) return { status: 200, body: '{"status":"success","data":[]}' };
      if (refusing) return { status: 400, body: 'inconsistent with what another job has pushed' };
      completions.push(...(request.match(/^batch_job_last_completion_timestamp_seconds .*/m) ?? []));
      return { status: 200 };
    });
    const broken = ['-g', server.address, '--spool', spool];
    const refused = await runCli(['run', '--ticks', '1', ...broken]);
    expect(refused.code).toBe(3);
    expect(refused.stderr).toMatch(/metrics were not pushed: .* \(400\): inconsistent .*; kept in the spool/);
    await runCli(['run', '--ticks', '1', '--fail-after', '1', '--replace', ...broken]);
    expect(JSON.parse((await runCli(['flush', '--json', ...broken])).stdout)).toMatchObject({
      sent: 0,
      rejected: 0,
      left: 2,
    });
    refusing = false;
    const result = await runCli(['flush', '--json', ...broken]);
    expect(JSON.parse(result.stdout)).toMatchObject({ sent: 2, rejected: 0, left: 0 });
    expect(completions).not.toHaveLength(0);
    await server.close();
  });
});

test('a damaged entry is set aside with a warning, and the others go', async () => {
  await run('--fail-after', '1');
  await run();
  const [first = ''] = files().sort();
  writeFileSync(first, readFileSync(first, 'utf8').slice(0, 40));
  proxy.target(gateway.url);
  const result = await flush();
  expect(result.code).toBe(1);
  expect(result.stdout).toContain('1 sent, 1 refused and set aside, 0 still waiting');
  expect(result.stderr).toContain('a damaged entry of the spool was set aside');
  expect(samples()).toMatchObject({ batch_job_success: 1 });
  expect(files(/\.damaged$/)).toHaveLength(1);
});

test('the spool is bounded: the oldest entries go, and the warning counts them', async () => {
  for (let runs = 0; runs < 3; runs++) await run('--spool-limit', '3');
  const result = await run('--spool-limit', '2');
  expect(result.stderr).toContain('the spool is full: its 2 oldest entries were dropped');
  expect(files()).toHaveLength(2);
});

test('a spool that cannot be written is one warning, and only a push that fails too is exit 3', async () => {
  writeFileSync(spool, 'a file where the folder should be');
  expect(await run()).toMatchObject({ code: 3 });
  proxy.target(gateway.url);
  const result = await run();
  expect(result.code).toBe(0);
  expect(result.stderr.match(/warning: the spool cannot be written/g)).toHaveLength(1);
  expect(samples()).toMatchObject({ batch_job_success: 1 });
});

test('a full disk is told like any spool that cannot be written', async () => {
  mkdirSync(spool);
  const mounted =
    spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=4k,nr_inodes=8', 'tmpfs', spool]).status === 0;
  if (!mounted) chmodSync(spool, 0o500);
  proxy.target(gateway.url);
  try {
    const result = await run('--grouping', 'place=somewhere');
    expect(result.code).toBe(0);
    if (mounted) expect(result.stderr).toMatch(/the spool cannot be written.*ENOSPC/);
    expect(samples()).toMatchObject({ batch_job_success: 1 });
  } finally {
    if (mounted) spawnSync('umount', [spool]);
  }
});

describe('late entries', () => {
  test('gauges older than what the group has heard since are dropped; counts and a newer last success still go', async () => {
    await run('--accumulate');
    const [late = ''] = files();
    const waiting = readFileSync(late, 'utf8');
    rmSync(late);
    proxy.target(gateway.url);
    await run('--accumulate', '--fail-after', '1');
    expect(samples()).toMatchObject({ batch_job_success: 0, prom_sample_counter: 1 });
    const heard = samples();
    writeFileSync(late, waiting);
    expect((await flush()).code).toBe(0);
    const after = samples();
    expect(after.prom_sample_counter).toBe(3);
    const succeeded = /^batch_job_last_success_timestamp_seconds (\S+)$/m.exec(
      JSON.parse(waiting).entry.outcome,
    )?.[1];
    expect(after.batch_job_last_success_timestamp_seconds).toBe(Number(succeeded));
    expect(heard.batch_job_last_success_timestamp_seconds).toBeUndefined();
    for (const name of [
      'batch_job_success',
      'batch_job_last_start_timestamp_seconds',
      'batch_job_duration_seconds',
      'prom_sample_gauge',
    ]) {
      expect(after[name]).toBe(heard[name]);
    }
  });

  test('a last success that is older than what is held is not moved back', async () => {
    await run();
    const [late = ''] = files();
    const waiting = readFileSync(late, 'utf8');
    rmSync(late);
    proxy.target(gateway.url);
    await run();
    const heard = samples();
    writeFileSync(late, waiting);
    expect((await flush()).code).toBe(0);
    expect(samples()).toEqual(heard);
  });
});

describe('a process killed', () => {
  const steps: readonly (readonly [string, string, string])[] = [
    ['before the entry is renamed', 'files/durable-file.ts', '    rename(beside);'],
    ['after the entry is renamed', 'files/durable-file.ts', '  flushFolder(dirname(path));'],
    [
      'while it holds the lock',
      'delivery/spool/run-spool.ts',
      '    const end = await flushGroup({\n      folder,\n      client,\n      limits,\n',
    ],
    ['before the entry is sent', 'delivery/push/send-entry.ts', '  const error = await tryPush(client, '],
    [
      'after the entry is sent',
      'delivery/spool/flush-group.ts',
      '  for (const name of members) onReport(name, report);',
    ],
    ['after the entry is removed', 'delivery/spool/flush-group.ts', '  if (folded) folder.removeFold();\n}'],
  ];

  test.each(steps)(
    '%s leaves a spool that the next run reads, and nothing is counted twice',
    async (title, file, place) => {
      proxy.target(gateway.url);
      await run('--accumulate');
      const killed = await buildVariant(
        file,
        place,
        `process.kill(process.pid, 'SIGKILL');\n${place}`,
        join(folder, 'killed.cjs'),
      );
      const result = await startCli(['run', '--accumulate', '--interval', '0', '--ticks', '2', ...flags()], {
        cli: killed,
      }).result;
      expect(result.signal).toBe('SIGKILL');
      expect((await run('--accumulate')).code).toBe(0);
      // A run that was killed before its entry was on disk is not counted; any other is, once.
      expect(samples().prom_sample_counter).toBe(title === 'before the entry is renamed' ? 4 : 6);
      expect(files()).toEqual([]);
      expect((await flush()).code).toBe(0);
    },
  );
});

test('eight processes with one spool and a dead gateway: each run is applied once, in order for each group', async () => {
  const runOne = (index: number) =>
    startCli(
      [
        'run',
        '--accumulate',
        '--interval',
        '0',
        '--ticks',
        String(index + 1),
        '--push-timeout',
        '300ms',
        '--job',
        `group_${index % 2}`,
        ...flags(),
      ],
      { cli: CLI },
    ).result;
  const down = await Promise.all(Array.from({ length: 8 }, (_, index) => runOne(index)));
  for (const result of down) expect(result.code).toBe(3);
  expect(files()).toHaveLength(8);
  proxy.target(gateway.url);
  const up = await Promise.all(Array.from({ length: 8 }, () => flush('--quiet')));
  await waitFor('the spool to be empty', async () => files().length === 0 || (await flush()).code === 0);
  expect(up.some(({ code }) => code === 0)).toBe(true);
  const totals = Object.fromEntries(
    gateway.groups().map((group) => [group.labels[0]?.[1], describeGroup(group).samples.prom_sample_counter]),
  );
  expect(totals).toEqual({ group_0: 1 + 3 + 5 + 7, group_1: 2 + 4 + 6 + 8 });
  expect(files(/lock/)).toEqual([]);
});
