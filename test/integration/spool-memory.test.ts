import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createGatewayClient } from '../../src/delivery/client/gateway-client.js';
import { withDeadline } from '../../src/delivery/deadline.js';
import { parseGatewayAddress } from '../../src/delivery/http/gateway-address.js';
import { flushFolderOnce } from '../../src/delivery/spool/flush-folder.js';
import { createRunSpool } from '../../src/delivery/spool/run-spool.js';
import { openSpool } from '../../src/delivery/spool/spool.js';
import { takeLock } from '../../src/files/lock.js';
import { describeGroup } from '../../src/gateway/describe.js';
import { openGateway, type RunningGateway } from '../../src/gateway/gateway.js';
import { silentLog } from '../../src/log.js';
import { CLI, runCli, startCli } from '../support/cli.js';
import { type FaultProxy, startFaultProxy } from '../support/fault-proxy.js';
import { buildVariant } from '../support/variant.js';
import { waitFor } from '../support/wait-for.js';

// What a host has told a group is remembered, and what became of an entry is never guessed.

let folder: string;
let spool: string;
let gateway: RunningGateway;
let proxy: FaultProxy;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'prombatch-memory-'));
  spool = join(folder, 'spool');
  gateway = await openGateway();
  proxy = await startFaultProxy();
  proxy.target(gateway.url);
});
afterEach(async () => {
  await proxy.close();
  await gateway.close();
  rmSync(folder, { recursive: true, force: true });
});

const samples = () => Object.assign({}, ...gateway.groups().map((group) => describeGroup(group).samples));
const entries = (): string[] =>
  existsSync(spool)
    ? readdirSync(spool, { recursive: true, encoding: 'utf8' })
        .filter((name) => /\/\d{16}-[^/]*\.json$/.test(name) && !name.includes('rejected'))
        .map((name) => join(spool, name))
        .sort()
    : [];
const target = (): string[] => ['-g', proxy.address, '--spool', spool];
const words = (script: string, flags: readonly string[]) => [
  'exec',
  ...target(),
  '--job',
  'a',
  '--on-push-failure',
  'fail',
  ...flags,
  '--',
  'sh',
  '-c',
  script,
];
const exec = (script: string, ...flags: string[]) => runCli(words(script, flags));
const flush = (...flags: string[]) => runCli(['flush', '--json', ...target(), ...flags]);
const COUNT = 'printf "# TYPE rows counter\\nrows 1\\n" >> "$PROMBATCH_METRICS_FILE"';

/** Runs while the gateway is down; returns the entry that waits. */
async function execUnheard(script: string, ...flags: string[]): Promise<string> {
  const before = entries();
  proxy.set('down', 1000);
  await exec(script, ...flags, '--push-timeout', '100ms');
  proxy.set('up', 0);
  return entries().find((path) => !before.includes(path)) ?? '';
}

/** Takes the lock of the group's folder, as another process that sends would. */
async function lockGroup(): Promise<() => void> {
  const entry = await execUnheard('true');
  rmSync(entry);
  const release = await takeLock(dirname(entry), new AbortController().signal);
  if (!release) throw new Error('the lock is taken');
  return release;
}

describe('an entry whose run waits to hear what becomes of it', () => {
  const key = { job: 'a', grouping: [] };
  const FULL = { entries: 1, bytes: 1e9 };
  const runEntry = (startedAtMs: number) => ({
    key,
    startedAtMs,
    put: false,
    outcome: `# TYPE batch_job_last_start_timestamp_seconds gauge\nbatch_job_last_start_timestamp_seconds ${startedAtMs / 1000}\n`,
    own: '# TYPE rows counter\nrows 1\n',
    accumulate: true,
  });
  /** A run of this process that has kept its entry. */
  function keep(startedAtMs = 1000) {
    const client = createGatewayClient(parseGatewayAddress(proxy.address));
    const run = createRunSpool({ path: spool, limits: FULL, client, key, log: silentLog });
    expect(run.keep(runEntry(startedAtMs))).toBe(true);
    const [entry = ''] = entries().slice(-1);
    const send = () => withDeadline(10_000, (deadline) => run.send({ deadline }, () => {}));
    return { entry, client, run, send };
  }
  /** Lets a newer run of another group fill the spool; returns how many entries that dropped. */
  function fill(): Promise<number> {
    const other = openSpool(spool, silentLog).group(proxy.address, { job: 'b', grouping: [] });
    return openSpool(spool, silentLog).trim(
      FULL,
      other.add({ ...runEntry(2000), key: { ...key, job: 'b' } }),
    );
  }

  test('is not dropped by a full spool; nobody tells as pushed what nobody has', async () => {
    const { entry, run, client, send } = keep();
    expect(await fill()).toBe(0);
    expect(entries()).toContain(entry);
    expect(await send()).toEqual({ status: 'delivered' });
    expect(samples()).toMatchObject({ rows: 1 });
    run.close();
    client.close();
  });

  test('is dropped once its run has ended', async () => {
    const { entry, run, client } = keep();
    run.close();
    expect(await fill()).toBe(1);
    expect(entries()).not.toContain(entry);
    client.close();
  });

  test('is dropped if its run was killed', async () => {
    const release = await lockGroup();
    const killed = startCli(words('true', []));
    const [entry = ''] = await waitFor('the entry', () => entries().length > 0 && entries());
    killed.child.kill('SIGKILL');
    await killed.result;
    release();
    expect(await fill()).toBe(1);
    expect(entries()).not.toContain(entry);
  });

  test('of another host stays as long as that shows signs of life; dropped later, its run sends it itself', async () => {
    const { entry, run, client, send } = keep();
    const hold = `${entry}.lock`;
    writeFileSync(hold, readFileSync(hold, 'utf8').replace(/"place":"[^"]*"/, '"place":"elsewhere"'));
    expect(await fill()).toBe(0);
    const longAgo = new Date(Date.now() - 60_000);
    utimesSync(hold, longAgo, longAgo);
    expect(await fill()).toBeGreaterThan(0);
    expect(entries()).not.toContain(entry);
    expect(await send()).toEqual({ status: 'delivered' });
    expect(samples()).toMatchObject({ rows: 1 });
    run.close();
    client.close();
  });

  test('is not late for another process that sends it: its outcome arrives as its run would have told it', async () => {
    await fetch(`${gateway.url}/metrics/job/a`, { method: 'POST', body: runEntry(5000).outcome });
    const { run, client, send } = keep(1000);
    const flushed = await withDeadline(10_000, (deadline) =>
      flushFolderOnce(openSpool(spool, silentLog).group(client.target, key), client, deadline, silentLog),
    );
    expect(flushed).toMatchObject({ sent: 1, dropped: 0, left: 0 });
    expect(await send()).toEqual({ status: 'delivered' });
    expect(samples()).toMatchObject({ rows: 1, batch_job_last_start_timestamp_seconds: 1 });
    run.close();
    client.close();
  });

  test('that a killed run left is removed after a day with what it was writing', async () => {
    const { entry, run, client } = keep();
    run.close();
    const left = [`${entry}.lock`, `${entry}.0123456789abcdef.tmp`];
    const old = new Date(Date.now() - 90_000_000);
    for (const path of left) {
      writeFileSync(path, '');
      utimesSync(path, old, old);
    }
    await openSpool(spool, silentLog).trim({ entries: 9, bytes: 1e9 }, 'none');
    expect(readdirSync(dirname(entry))).toEqual([basename(entry)]);
    client.close();
  });

  test('leaves no file of its own behind', async () => {
    expect(await exec('true')).toMatchObject({ code: 0 });
    const files = readdirSync(spool, { recursive: true, encoding: 'utf8' });
    expect(files.filter((name) => /\.lock|\.tmp/.test(name))).toEqual([]);
  });

  test('was delivered by another process: it is not counted twice', async () => {
    const overtaken = await buildVariant(
      'delivery/spool/run-spool.ts',
      '        release = await lockGroup(folder, limits);\n',
      `    (await import('node:child_process')).spawnSync(process.execPath, [${JSON.stringify(CLI)}, 'flush', '-g', ${JSON.stringify(proxy.address)}, '--spool', ${JSON.stringify(spool)}], { stdio: 'ignore' });\n        release = await lockGroup(folder, limits);\n`,
      join(folder, 'overtaken.cjs'),
    );
    const result = await runCli(words(COUNT, ['--accumulate']), { cli: overtaken });
    expect(result.code).toBe(0);
    expect(samples()).toMatchObject({ batch_job_success: 1, rows: 1 });
  });
});

test('a full spool drops no entry that is under way', async () => {
  const release = await lockGroup();
  const running = startCli(words('exit 7', []));
  const [entry = ''] = await waitFor('the entry', () => entries().length > 0 && entries());
  await exec('true', '--job', 'b', '--spool-limit', '1');
  expect(entries()).toContain(entry);
  release();
  expect(await running.result).toMatchObject({ code: 7 });
});

describe('nothing is sent that is older than what this host has told', () => {
  test('to a gateway that cannot be read', async () => {
    const old = await execUnheard('true');
    renameSync(old, join(folder, 'old'));
    proxy.refuseReadings(true, 404);
    expect(await exec('true')).toMatchObject({ code: 0 });
    const told = samples();
    renameSync(join(folder, 'old'), old);
    const { code, stdout } = await flush();
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ sent: 0, dropped: 1, left: 0 });
    expect(samples()).toEqual(told);
  });

  test('to a gateway that has forgotten it; its counts still go', async () => {
    const old = await execUnheard(COUNT, '--accumulate');
    renameSync(old, join(folder, 'old'));
    await exec('true');
    await fetch(`${gateway.url}/metrics/job/a`, { method: 'DELETE' });
    renameSync(join(folder, 'old'), old);
    const { stdout } = await flush();
    expect(JSON.parse(stdout)).toMatchObject({ sent: 1, dropped: 0 });
    expect(samples()).toMatchObject({ rows: 1 });
    expect(Object.keys(samples()).filter((name) => name.startsWith('batch_job'))).toEqual([]);
  });

  test('an outcome that overtook what waits is remembered, too', async () => {
    await execUnheard('true');
    proxy.refuseReadings(true);
    await exec('true', '--push-timeout', '1s');
    const told = samples();
    expect(told).toMatchObject({ batch_job_success: 1 });
    proxy.refuseReadings(true, 404);
    await flush();
    expect(entries()).toEqual([]);
    expect(samples()).toEqual(told);
  });

  test('a memory that cannot be read is named, and costs nothing else', async () => {
    await exec('true');
    const [told = ''] = readdirSync(spool, { recursive: true, encoding: 'utf8' }).filter((name) =>
      name.endsWith('told.json'),
    );
    writeFileSync(join(spool, told), '{"format":');
    await execUnheard('exit 7');
    const { code, stderr } = await exec('exit 8');
    expect(code).toBe(8);
    expect(stderr).toContain('told.json');
    expect(samples()).toMatchObject({ batch_job_exit_code: 8 });
    expect(JSON.parse(readFileSync(join(spool, told), 'utf8'))).toMatchObject({ format: 1 });
  });
});

describe('a start that lies in the future, of a clock that was wrong', () => {
  const FUTURE = `# TYPE batch_job_last_start_timestamp_seconds gauge\nbatch_job_last_start_timestamp_seconds 9e9\n`;
  const pushFuture = () => fetch(`${gateway.url}/metrics/job/a`, { method: 'POST', body: FUTURE });

  test('what is dropped for its sake is said and counted as dropped', async () => {
    await execUnheard('exit 7');
    await pushFuture();
    const { code, stdout, stderr } = await flush();
    expect(JSON.parse(stdout)).toMatchObject({ sent: 0, dropped: 1, rejected: 0, left: 0 });
    expect(code).toBe(0);
    expect(stderr).toMatch(/dropped an entry of the spool: .* lies in the future/);
    await execUnheard('exit 7');
    expect((await runCli(['flush', ...target()])).stdout).toContain('0 sent, 1 dropped as late');
  });

  test('costs no run its outcome, though others wait', async () => {
    await execUnheard('exit 7');
    await pushFuture();
    expect(await exec('exit 8')).toMatchObject({ code: 8 });
    expect(samples()).toMatchObject({ batch_job_exit_code: 8 });
    expect(samples().batch_job_last_start_timestamp_seconds).toBeLessThan(9e9);
  });
});

test('the memory of a clock that was wrong ends with the next run', async () => {
  await exec('true');
  const [told = ''] = readdirSync(spool, { recursive: true, encoding: 'utf8' }).filter((name) =>
    name.endsWith('told.json'),
  );
  const text = readFileSync(join(spool, told), 'utf8');
  writeFileSync(join(spool, told), text.replace(/(last_start_timestamp_seconds":)[\d.]+/, '$19e9'));
  await exec('true');
  await execUnheard('exit 7');
  proxy.refuseReadings(true, 404);
  expect(JSON.parse((await flush()).stdout)).toMatchObject({ sent: 1, dropped: 0 });
  expect(samples()).toMatchObject({ batch_job_exit_code: 7 });
});

test('runs of one host that overlap lose no counts', async () => {
  const gate = join(folder, 'gate');
  const waits = `: > '${folder}/begun'; while [ ! -e '${gate}' ]; do sleep 0.02; done; ${COUNT}`;
  await exec(COUNT, '--accumulate');
  const long = startCli(words(waits, ['--accumulate']));
  await waitFor('the first to begin', () => existsSync(join(folder, 'begun')));
  expect(await exec(COUNT, '--accumulate')).toMatchObject({ code: 0 });
  writeFileSync(gate, '');
  expect(await long.result).toMatchObject({ code: 0 });
  expect(samples()).toMatchObject({ rows: 3 });
});

test('of several entries as one that is refused, only the bad one is set aside', async () => {
  await fetch(`${gateway.url}/metrics/job/other`, { method: 'POST', body: '# TYPE taken gauge\ntaken 1\n' });
  await execUnheard(COUNT);
  await execUnheard(COUNT.replace('rows counter\\nrows', 'taken counter\\ntaken'));
  const { stdout } = await flush();
  expect(JSON.parse(stdout)).toMatchObject({ sent: 1, rejected: 1, left: 0 });
  expect(samples()).toMatchObject({ rows: 1, batch_job_metrics_rejected: 1 });
});

describe('what is on the disk', () => {
  /** What a command does to files, before its last request and after it. */
  async function calls(args: readonly string[]): Promise<{ before: string; after: string }> {
    const preload = fileURLToPath(new URL('../support/fault-injection.cjs', import.meta.url));
    const log = join(folder, 'calls');
    await runCli(args, { nodeArgs: ['-r', preload], env: { FAULT_LOG: log } });
    const all = readFileSync(log, 'utf8').split('\n');
    const sent = all.lastIndexOf('http.request');
    const order = (from: number, to?: number): string =>
      all
        .slice(from, to)
        .filter((call) => /writeFileSync|fsyncSync|renameSync|rmSync/.test(call))
        .join(' ');
    return { before: order(0, sent), after: order(sent) };
  }

  test('an entry is, before it is sent; its file and its folder are flushed, and nothing else', async () => {
    const { before, after } = await calls(words('true', ['--no-start-push']));
    expect(before).toContain('fs.writeFileSync fs.fsyncSync fs.renameSync fs.fsyncSync');
    expect(before.match(/fsync/g)).toHaveLength(2);
    // What was told is there for whoever reads it next before the entry is gone.
    expect(after).toMatch(/^fs\.writeFileSync fs\.renameSync fs\.rmSync/);
    expect(after).not.toContain('fsync');
  });

  test('several that went as one are gone before that one is', async () => {
    for (let n = 0; n < 2; n++) await execUnheard(COUNT, '--accumulate');
    const { after } = await calls(words(COUNT, ['--no-start-push', '--accumulate']));
    expect(after).toContain('fs.rmSync fs.rmSync fs.rmSync fs.fsyncSync fs.rmSync');
    expect(samples()).toMatchObject({ rows: 3 });
  });
});

test('a memory that a crash of the machine left empty is none, and no fault', async () => {
  await exec('true');
  const [told = ''] = readdirSync(spool, { recursive: true, encoding: 'utf8' }).filter((name) =>
    name.endsWith('told.json'),
  );
  writeFileSync(join(spool, told), '');
  await execUnheard('exit 7');
  const { code, stderr } = await exec('exit 8');
  expect(code).toBe(8);
  expect(stderr).not.toContain('told.json');
});
