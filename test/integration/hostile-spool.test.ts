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
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { describeGroup } from '../../src/gateway/describe.js';
import { openGateway, type RunningGateway } from '../../src/gateway/gateway.js';
import { runCli } from '../support/cli.js';
import { type FaultProxy, startFaultProxy } from '../support/fault-proxy.js';

// What others leave in a spool's folder costs neither a run's outcome nor what waits.

let folder: string;
let spool: string;
let gateway: RunningGateway;
let proxy: FaultProxy;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'prombatch-left-'));
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
        .filter((name) => /\/\d{16}-[^/]*\.json$/.test(name))
        .map((name) => join(spool, name))
        .sort()
    : [];
const target = (): string[] => ['-g', proxy.address, '--spool', spool];
const exec = (script: string, ...flags: string[]) =>
  runCli(['exec', '--job', 'a', ...target(), ...flags, '--', 'sh', '-c', script]);
const flush = () => runCli(['flush', ...target()]);
const COUNT = 'printf "# TYPE c counter\\nc 1\\n" >> "$PROMBATCH_METRICS_FILE"';

/** The group's folder, made by a run that could not be delivered; what it left is removed. */
async function groupFolder(): Promise<string> {
  proxy.set('down', 1000);
  await exec('true', '--push-timeout', '100ms');
  const [entry = ''] = entries();
  rmSync(entry);
  proxy.set('up', 0);
  return dirname(entry);
}

test('a claim on a dead lock that lies in the future does not make a run spin', async () => {
  const at = await groupFolder();
  mkdirSync(join(at, 'lock.claim'));
  const tomorrow = new Date(Date.now() + 86_400_000);
  utimesSync(join(at, 'lock.claim'), tomorrow, tomorrow);
  writeFileSync(join(at, 'lock'), '');
  utimesSync(join(at, 'lock'), 0, 0);
  const { code } = await exec('exit 7', '--push-timeout', '5s');
  expect(code).toBe(7);
  expect(samples()).toMatchObject({ batch_job_exit_code: 7 });
  expect(entries()).toEqual([]);
});

test('a lock that cannot be taken costs no entry: it goes on waiting', async () => {
  const at = await groupFolder();
  mkdirSync(join(at, 'lock'));
  utimesSync(join(at, 'lock'), 0, 0);
  proxy.set('down', 1000);
  const { code, stderr } = await exec('exit 7', '--push-timeout', '300ms');
  expect(code).toBe(7);
  expect(stderr).toContain('kept in the spool');
  expect(entries()).toHaveLength(1);
});

test('several entries as one, of a later version, keep the group waiting, and nothing is counted twice', async () => {
  proxy.set('down', 1000);
  await exec(COUNT, '--accumulate', '--push-timeout', '100ms');
  await exec(COUNT, '--accumulate', '--push-timeout', '100ms');
  proxy.set('up', 0);
  const waiting = entries();
  writeFileSync(join(dirname(waiting[0] ?? ''), 'fold.json'), '{"format":2}');
  const flushed = await flush();
  expect(flushed).toMatchObject({ code: 1, stdout: expect.stringContaining('2 still waiting') });
  expect(samples()).not.toHaveProperty('c');
  const { code } = await exec(`${COUNT}; exit 7`, '--accumulate', '--push-timeout', '2s');
  expect(code).toBe(7);
  expect(samples()).toMatchObject({ batch_job_exit_code: 7 });
  expect(samples()).not.toHaveProperty('c');
  expect(entries()).toHaveLength(3);
});

test('an entry that cannot be read is left and named, and the others go', async () => {
  const at = await groupFolder();
  mkdirSync(join(at, '0000000000000001-1-x.json'));
  const { code, stderr } = await exec('true', '--on-push-failure', 'fail');
  expect(code).toBe(0);
  expect(stderr).toContain('cannot be read and was left');
  expect(samples()).toMatchObject({ batch_job_success: 1 });
  expect(await flush()).toMatchObject({ code: 1, stdout: expect.stringContaining('1 still waiting') });
});

test('an entry whose name no clock gives does not spoil the names that follow', async () => {
  const at = await groupFolder();
  writeFileSync(join(at, '9999999999999999-1-x.json'), '{"format":2}');
  expect(await exec('true', '--on-push-failure', 'fail')).toMatchObject({ code: 0 });
  expect(entries()).toHaveLength(1);
});

test('a textfile folder is that of the start, wherever the job goes', async () => {
  mkdirSync(join(folder, 'textfiles'));
  writeFileSync(
    join(folder, 'job.mjs'),
    "export default { [Symbol.for('prombatch.job')]: true, name: 'a', createRegistry: () => ({ metrics: () => '' }), run() { process.chdir('/'); } };",
  );
  const args = ['run', './job.mjs', '-g', 'none', '--textfile', 'textfiles'];
  expect(await runCli(args, { cwd: folder })).toMatchObject({ code: 0 });
  expect(readFileSync(join(folder, 'textfiles/a.prom'), 'utf8')).toContain('batch_job_success');
});
