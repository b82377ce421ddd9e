import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { describeGroup } from '../../src/gateway/describe.js';
import { openGateway, type RunningGateway } from '../../src/gateway/gateway.js';
import { type CliResult, type RunningCli, runCli, startCli } from '../support/cli.js';
import { type FaultProxy, startFaultProxy } from '../support/fault-proxy.js';
import { waitFor } from '../support/wait-for.js';

let folder: string;
let spool: string;
let gateway: RunningGateway;
let proxy: FaultProxy;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'prombatch-abandon-'));
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

const entries = (): string[] =>
  existsSync(spool)
    ? readdirSync(spool, { recursive: true, encoding: 'utf8' }).filter((name) =>
        /\d{16}-[^/]*\.json$/.test(name),
      )
    : [];
const samples = () => Object.assign({}, ...gateway.groups().map((group) => describeGroup(group).samples));
const target = (): string[] => ['-g', proxy.address, '--spool', spool];

/** A job module that has one metric of its own and this body of `run`. */
function job(body: string): string {
  const path = join(folder, 'job.mjs');
  writeFileSync(
    path,
    `export default { [Symbol.for('prombatch.job')]: true, name: 'job', createRegistry: () => ({ metrics: () => 'rows 1\\n' }), async run({ progress }) { progress(5); ${body} } };`,
  );
  return path;
}
const NEVER_ENDS = "console.log('begun'); await new Promise((resolve) => setTimeout(resolve, 60_000));";

/** Two signals that ask to end; they differ, since the kernel delivers two equal ones as one. */
async function stopTwice({ child, result }: RunningCli): Promise<CliResult> {
  child.kill('SIGTERM');
  child.kill('SIGINT');
  const ended = await result;
  expect([130, 143]).toContain(ended.code);
  expect(ended.stderr).toMatch(/SIG\w+ after SIG\w+: ended at once/);
  return ended;
}

/** Sends what waits, and says what the gateway then holds. */
async function flushed(): Promise<Record<string, number>> {
  expect(entries()).toHaveLength(1);
  expect(await runCli(['flush', ...target()])).toMatchObject({ code: 0 });
  return samples();
}

describe('a second signal', () => {
  const ALONE = { batch_job_success: 0, batch_job_records_processed: 5, batch_job_metrics_rejected: 1 };

  test.each([
    ['run', []],
    ['schedule', ['@yearly', '--run-on-start']],
  ] as const)('keeps the outcome of a job that does not stop: %s', async (command, [...words]) => {
    const cli = startCli([command, ...words, job(NEVER_ENDS), '--grace', '1m', ...target()]);
    await waitFor('the job to begin', () => cli.stdout().includes('begun'));
    const { stderr } = await stopTwice(cli);
    expect(stderr).toContain('job was stopped by SIG');
    expect(stderr).toMatch(/its metrics were not pushed to \S+: the process ended before the push/);
    expect(stderr).toContain("the job's own metrics are lost");
    const told = await flushed();
    expect(told).toMatchObject(ALONE);
    expect(told).not.toHaveProperty('batch_job_last_success_timestamp_seconds');
  });

  test('writes it to the textfile, too', async () => {
    const flags = ['-g', 'none', '--textfile', folder, '--grace', '1m'];
    const cli = startCli(['run', job(NEVER_ENDS), ...flags]);
    await waitFor('the job to begin', () => cli.stdout().includes('begun'));
    await stopTwice(cli);
    expect(readFileSync(join(folder, 'job.prom'), 'utf8')).toContain(
      'batch_job_records_processed{batch_job="job"} 5\n',
    );
  });

  test('without a spool says that the outcome is lost', async () => {
    const cli = startCli(['run', job(NEVER_ENDS), '-g', proxy.address, '--no-spool', '--grace', '1m']);
    await waitFor('the job to begin', () => cli.stdout().includes('begun'));
    const { stderr } = await stopTwice(cli);
    expect(stderr).toMatch(/its metrics were not pushed to \S+: the process ended/);
    expect(stderr).toContain('a spool would keep the outcome; nothing was kept');
  });

  test.each([
    ['run', (): string[] => ['run', job(''), ...target()]],
    ['exec', (): string[] => ['exec', '--job', 'job', ...target(), '--', 'sh', '-c', 'exit 0']],
  ])('while a success is pushed keeps it as it is, once: %s', async (_, words) => {
    proxy.set('stalling', 1000);
    const cli = startCli(words());
    await waitFor('the entry', () => entries().length > 0);
    const { stderr } = await stopTwice(cli);
    expect(stderr).toContain('kept in the spool');
    expect(stderr).not.toContain('lost');
    proxy.set('up', 0);
    expect(await flushed()).toMatchObject({ batch_job_success: 1, batch_job_metrics_rejected: 0 });
  });
});

describe('process.exit in a job', () => {
  test.each([
    [0, 1],
    [3, 3],
    [256, 1],
  ])('with %i is a failed run with exit code %i, kept in the spool', async (code, expected) => {
    const result = await runCli(['run', job(`process.exit(${code});`), ...target()]);
    expect(result.code).toBe(expected);
    expect(result.stderr).toContain(`the job called process.exit(${code})`);
    const told = await flushed();
    expect(told).toMatchObject({ batch_job_success: 0, batch_job_exit_code: expected });
    expect(told).not.toHaveProperty('batch_job_last_success_timestamp_seconds');
  });

  test.each([
    [['--on-push-failure', 'fail'], 3],
    [['--on-push-failure', 'warn'], 0],
  ])('after its end leaves the outcome in the spool (%j)', async (flags, expected) => {
    proxy.set('stalling', 1000);
    const body = 'setTimeout(() => process.exit(0), 300);';
    const result = await runCli(['run', job(body), ...target(), ...flags]);
    expect(result.code).toBe(expected);
    expect(result.stderr).toContain('what the job left behind called process.exit(0)');
    proxy.set('up', 0);
    expect(await flushed()).toMatchObject({ batch_job_success: 1, rows: 1 });
  });

  test('in a library stays what it is: runJob installs no handlers', async () => {
    const path = join(folder, 'library.mjs');
    const library = new URL('../../dist/lib/index.js', import.meta.url).href;
    writeFileSync(
      path,
      `import { defineJob, runJob } from '${library}';
const events = ['exit', 'beforeExit', 'uncaughtException', 'SIGTERM', 'SIGINT'];
const count = () => events.map((name) => process.listenerCount(name)).join();
const before = count();
const running = runJob(defineJob({ name: 'job', run: () => {} }), { gateway: 'none' });
const during = count();
await running;
console.log(before === during && before === count());`,
    );
    const { stdout } = await runCli([], { cli: path });
    expect(stdout).toBe('true\n');
  });
});
