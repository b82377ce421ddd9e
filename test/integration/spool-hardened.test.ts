import { spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { describeGroup } from '../../src/gateway/describe.js';
import { openGateway, type RunningGateway } from '../../src/gateway/gateway.js';
import { CLI, runCli } from '../support/cli.js';
import { type FaultProxy, startFaultProxy } from '../support/fault-proxy.js';
import { answering } from '../support/faulty-server.js';
import { buildVariant } from '../support/variant.js';

// Each of these lost, doubled or blocked something once.

let folder: string;
let spool: string;
let gateway: RunningGateway;
let proxy: FaultProxy;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'prombatch-hardened-'));
  spool = join(folder, 'spool');
  gateway = await openGateway();
  proxy = await startFaultProxy();
});
afterEach(async () => {
  await proxy.close();
  await gateway.close();
  rmSync(folder, { recursive: true, force: true });
});

/** Runs a job whose metrics are this text. */
function run(metrics: string, ...args: string[]) {
  const source = `export default { [Symbol.for('prombatch.job')]: true, name: 'job', createRegistry: () => ({ metrics: () => ${JSON.stringify(metrics)} }), run() {} };`;
  const path = join(folder, `job-${Math.random().toString(36).slice(2)}.mjs`);
  writeFileSync(path, source);
  return runCli([
    'run',
    path,
    '--push-timeout',
    proxy.reaches() ? '15s' : '250ms',
    '-g',
    proxy.address,
    '--spool',
    spool,
    ...args,
  ]);
}
const flush = () => runCli(['flush', '-g', proxy.address, '--spool', spool]);
const waiting = (pattern = /\d{16}-[^/]*\.json$/) =>
  existsSync(spool)
    ? readdirSync(spool, { recursive: true, encoding: 'utf8' })
        .filter((name) => pattern.test(name) && !name.includes('rejected'))
        .map((name) => join(spool, name))
        .sort()
    : [];
const samples = () => describeGroup(gateway.groups()[0] ?? { labels: [], families: new Map() }).samples;
const EXEMPLAR = 'foo{a="1"} 1 # {x="y"} 1\n';
const counters = (c: number, d: number) =>
  `# TYPE c counter\nc ${c}\n${d > 0 ? `# TYPE d counter\nd{l="1"} ${d}\n` : ''}`;

test.each([[[]], [['--accumulate']]])(
  'metrics that cannot be read never block what comes after them (%j)',
  async (flags) => {
    await run(EXEMPLAR, ...flags);
    await run(EXEMPLAR, ...flags);
    proxy.target(gateway.url);
    const good = await run('rows 1\n', ...flags);
    expect(good.code).toBe(0);
    expect(waiting()).toEqual([]);
    expect(samples()).toMatchObject({ rows: 1, batch_job_success: 1, batch_job_metrics_rejected: 0 });
  },
);

test('runs that are told together go on from all that is held, whatever the first of them read', async () => {
  proxy.target(gateway.url);
  await run(counters(10, 14), '--accumulate');
  proxy.set('cutting before storing', 1000);
  const path = waiting();
  expect(path).toEqual([]);
  await run(counters(5, 0), '--accumulate');
  const [entry = ''] = waiting();
  const content = JSON.parse(readFileSync(entry, 'utf8'));
  content.entry.base = '# TYPE c counter\nc 10\n';
  writeFileSync(entry, JSON.stringify(content));
  await run(counters(5, 7), '--accumulate');
  expect(waiting()).toHaveLength(2);
  proxy.set('up', 0);
  expect((await flush()).code).toBe(0);
  expect(samples()).toMatchObject({ c: 20, 'd{l="1"}': 21 });
});

test('the entry of the run that ends is never the one that a full spool drops', async () => {
  await run('rows 1\n', '--job', 'other');
  const [other = ''] = waiting();
  const later = other.replace(/\d{16}-/, '9000000000000000-');
  writeFileSync(later, readFileSync(other));
  rmSync(other);
  proxy.target(gateway.url);
  const result = await run('rows 2\n', '--spool-limit', '1');
  expect(result.code).toBe(0);
  expect(samples()).toMatchObject({ rows: 2, batch_job_success: 1 });
});

test('a write that is cut short is an error, not an entry', async () => {
  const path = join(folder, 'big.mjs');
  writeFileSync(
    path,
    `export default { [Symbol.for('prombatch.job')]: true, name: 'big', createRegistry: () => ({ metrics: () => Array.from({ length: 2000 }, (_, n) => 'rows{n="' + n + '"} 1').join('\\n') }), run() {} };`,
  );
  const command = `ulimit -f 8; exec "${process.execPath}" "${CLI}" run "${path}" --push-timeout 200ms -g ${proxy.address} --spool "${spool}" --textfile "${folder}"`;
  const { status, stderr } = spawnSync('sh', ['-c', command], { encoding: 'utf8' });
  expect(status).toBe(3);
  expect(stderr).toMatch(/the spool cannot be written.*EFBIG/);
  expect(stderr).not.toContain('pushed to http');
  expect(waiting()).toEqual([]);
  const file = readFileSync(join(folder, 'big.prom'), 'utf8');
  expect(file).toContain('batch_job_metrics_rejected{batch_job="big"} 1\n');
  expect(file).toMatch(/\n$/);
  expect(file).not.toContain('rows');
});

test('a lock that a full disk does not let be written leaves no file behind, however often it is tried', async () => {
  await run('rows 1\n');
  const [entry = ''] = waiting();
  const command = `ulimit -f 0; exec "${process.execPath}" "${CLI}" flush -g ${proxy.address} --spool "${spool}"`;
  const { status, stderr } = spawnSync('sh', ['-c', command], { encoding: 'utf8' });
  expect(status).toBe(1);
  expect(stderr).toContain('EFBIG');
  expect(readdirSync(dirname(entry))).toEqual([basename(entry)]);
});

test('several runs that were being told when a newer one was heard of do not move the last success back', async () => {
  await run('rows 1\n');
  await run('rows 2\n');
  proxy.target(gateway.url);
  const stopped = await buildVariant(
    'delivery/spool/flush-group.ts',
    'folder.writeFold(batch);\n',
    "{ folder.writeFold(batch); process.kill(process.pid, 'SIGKILL'); }\n",
    join(folder, 'stopped.cjs'),
  );
  await runCli(['flush', '-g', proxy.address, '--spool', spool], { cli: stopped });
  expect(waiting(/fold\.json$/)).toHaveLength(1);
  await run('rows 3\n', '--no-spool');
  const heard = samples();
  expect((await flush()).code).toBe(0);
  expect(waiting(/(\d{16}-[^/]*|fold)\.json$/)).toEqual([]);
  expect(samples()).toEqual(heard);
});

test('a gateway that can be pushed to but not read still gets what waits', async () => {
  const server = await answering({ status: 404 }, { status: 200 });
  const base = join(
    spool,
    encodeURIComponent(`http://${server.address}`),
    encodeURIComponent('/metrics/job/job'),
  );
  await run('rows 1\n');
  const [entry = ''] = waiting();
  mkdirSync(base, { recursive: true });
  writeFileSync(join(base, entry.split('/').at(-1) ?? ''), readFileSync(entry));
  const result = await runCli(['flush', '-g', server.address, '--spool', spool]);
  expect(result).toMatchObject({ code: 0 });
  expect(server.requests.at(-1)).toContain('rows 1');
  await server.close();
});

test('a run whose entry another process found to be refused is not told as pushed', async () => {
  proxy.target(gateway.url);
  await fetch(`${gateway.url}/metrics/job/other`, { method: 'POST', body: '# TYPE rows gauge\nrows 1\n' });
  const overtaken = await buildVariant(
    'delivery/spool/run-spool.ts',
    '        release = await lockGroup(folder, limits);\n',
    `    (await import('node:child_process')).spawnSync(process.execPath, [${JSON.stringify(CLI)}, 'flush', '-g', ${JSON.stringify(proxy.address)}, '--spool', ${JSON.stringify(spool)}], { stdio: 'ignore' });\n        release = await lockGroup(folder, limits);\n`,
    join(folder, 'overtaken.cjs'),
  );
  const path = join(folder, 'conflict.mjs');
  writeFileSync(
    path,
    `export default { [Symbol.for('prombatch.job')]: true, name: 'job', createRegistry: () => ({ metrics: () => '# TYPE rows counter\\nrows 1\\n' }), run() {} };`,
  );
  const result = await runCli(['run', path, '-g', proxy.address, '--spool', spool], { cli: overtaken });
  expect(result.stderr).toContain('only its outcome was pushed');
  expect(result.code).toBe(3);
  expect(result.stderr).toContain('refused the push (400)');
});

test('an empty lock that a crash of the machine left is taken over', async () => {
  await run('rows 1\n');
  const lock = join(waiting()[0] ?? '', '..', 'lock');
  writeFileSync(lock, '');
  const yesterday = new Date(Date.now() - 86_400_000);
  utimesSync(lock, yesterday, yesterday);
  proxy.target(gateway.url);
  expect((await flush()).code).toBe(0);
  expect(samples()).toMatchObject({ rows: 1 });
});

test('an entry of a later version is left where it is', async () => {
  await run('rows 1\n');
  const [entry = ''] = waiting();
  writeFileSync(entry, readFileSync(entry, 'utf8').replace('"format":1', '"format":2'));
  proxy.target(gateway.url);
  const result = await flush();
  expect(result.stderr).toContain('is of a later version of prombatch and was left');
  expect(waiting()).toEqual([entry]);
});

test('--textfile --accumulate keeps the counts that a run does not touch', async () => {
  const once = (metrics: string) =>
    run(metrics, '--textfile', folder, '--accumulate', '--no-spool', '-g', 'none');
  await once(counters(1, 5));
  await once(counters(1, 0));
  await once(counters(1, 2));
  const text = readFileSync(join(folder, 'job.prom'), 'utf8');
  expect(text).toContain('c{batch_job="job"} 3\n');
  expect(text).toContain('d{batch_job="job",l="1"} 7\n');
});

test('a grouping label batch_job and a textfile are exit 2', async () => {
  const result = await run('rows 1\n', '--textfile', folder, '--grouping', 'batch_job=x');
  expect(result.code).toBe(2);
  expect(result.stderr).toContain('expected a label other than "batch_job" with textfile');
});

test('the order of the grouping labels makes no other spool folder', async () => {
  await run('rows 1\n', '--grouping', 'a=1', '--grouping', 'b=2');
  await run('rows 2\n', '--grouping', 'b=2', '--grouping', 'a=1');
  expect(new Set(waiting().map((path) => join(path, '..'))).size).toBe(1);
});

test('where the way into the gateway cannot be read, a run that only warns of it is kept all the same', async () => {
  const config = join(folder, 'http.yml');
  writeFileSync(config, 'basic_auth: {username: ops, password_file: missing}\n');
  proxy.target(gateway.url);
  const result = await run('rows 1\n', '--http-config-file', config, '--on-push-failure', 'warn');
  expect(result.code).toBe(0);
  expect(result.stderr).toContain('kept in the spool');
  expect(result.stderr).toContain('cannot read missing: ENOENT');
  expect((await flush()).code).toBe(0);
  expect(samples()).toMatchObject({ rows: 1 });
});

test('what was refused is bounded like what waits', async () => {
  proxy.target(gateway.url);
  await fetch(`${gateway.url}/metrics/job/other`, { method: 'POST', body: '# TYPE rows gauge\nrows 1\n' });
  for (let runs = 0; runs < 4; runs++) await run('# TYPE rows counter\nrows 1\n', '--spool-limit', '2');
  const rejected = readdirSync(spool, { recursive: true, encoding: 'utf8' }).filter((name) =>
    /rejected\/.*\.json$/.test(name),
  );
  expect(rejected.length).toBeGreaterThan(0);
  expect(rejected.length).toBeLessThanOrEqual(3);
});
