import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { runCli } from '../support/cli.js';
import { startFaultProxy } from '../support/fault-proxy.js';
import { type FaultyServer, judging } from '../support/faulty-server.js';
import { describeOnPushgateways } from '../support/pushgateway.js';

// One metric name has one type in all groups of a gateway, so that any client can keep a family of ours out.

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'prombatch-conflict-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const spool = (): string => join(folder, 'spool');
const waiting = (): string[] =>
  existsSync(spool())
    ? readdirSync(spool(), { recursive: true, encoding: 'utf8' }).filter((name) =>
        /^[^/]+\/[^/]+\/\d{16}-[^/]*\.json$/.test(name),
      )
    : [];

/** Runs a job whose metrics are this text, with this body. */
function run(gateway: string, metrics: string, ...args: string[]) {
  return runJob(gateway, { metrics }, ...args);
}

function runJob(gateway: string, { metrics = ROWS, body = '' }, ...args: string[]) {
  const path = join(folder, 'job.mjs');
  writeFileSync(
    path,
    `export default { [Symbol.for('prombatch.job')]: true, name: 'job', createRegistry: () => ({ metrics: () => ${JSON.stringify(metrics)} }), async run() { ${body} } };`,
  );
  return runCli(['run', path, '-g', gateway, '--spool', spool(), ...args]);
}

const ROWS = '# TYPE rows gauge\nrows 3\n';
const summary = (name: string): string => `# TYPE ${name} summary\n${name}_sum 1\n${name}_count 1\n`;
const OUTCOME = {
  batch_job_success: 1,
  batch_job_exit_code: 0,
  batch_job_last_start_timestamp_seconds: expect.any(Number),
  batch_job_last_completion_timestamp_seconds: expect.any(Number),
  batch_job_last_success_timestamp_seconds: expect.any(Number),
};

describeOnPushgateways('families that another client pushed as another type', (gateway) => {
  const hold = async (path: string, text: string): Promise<void> => {
    const answer = await fetch(`${gateway().url}/metrics/job/${path}`, { method: 'POST', body: text });
    expect(answer.status).toBe(200);
  };
  beforeEach(() => gateway().wipe());

  test('are left out, the rest and the own metrics arrive, and the message names who holds them', async () => {
    await hold('other/team/a', summary('batch_job_duration_seconds'));
    const { code, stderr } = await run(gateway().url, ROWS);
    const samples = await gateway().samples('job');
    expect(samples).toMatchObject({ ...OUTCOME, rows: 3, batch_job_metrics_rejected: 0 });
    expect(samples).not.toHaveProperty('batch_job_duration_seconds');
    expect(code).toBe(3);
    expect(stderr).toContain('not all of its outcome was pushed to http://');
    expect(stderr).toContain(
      ': batch_job_duration_seconds was left out: it is a summary in {job="other",team="a"}; one metric name has one type',
    );
    expect(stderr).not.toMatch(/own metrics|only its outcome/);
    expect(waiting()).toEqual([]);
  });

  test('are left out of an outcome without own metrics, several of them, and of one that replaces the group', async () => {
    await hold('one', summary('batch_job_duration_seconds'));
    await hold('two', '# TYPE batch_job_info counter\nbatch_job_info 1\n');
    await hold(
      'two',
      '# TYPE batch_job_records_processed histogram\nbatch_job_records_processed_bucket{le="+Inf"} 1\nbatch_job_records_processed_sum 1\nbatch_job_records_processed_count 1\n',
    );
    const { stderr } = await run(gateway().url, '', '--replace');
    expect(await gateway().samples('job')).toMatchObject({ ...OUTCOME, batch_job_metrics_rejected: 0 });
    expect(stderr).toContain('batch_job_duration_seconds was left out: it is a summary in {job="one"}');
    expect(stderr).toContain('batch_job_info was left out: it is a counter in {job="two"}');
  });

  test('beside own metrics that conflict as well: the outcome goes alone, without them', async () => {
    await hold('other', summary('batch_job_duration_seconds') + summary('rows'));
    const { code, stderr } = await run(gateway().url, ROWS);
    const samples = await gateway().samples('job');
    expect(samples).toMatchObject({ ...OUTCOME, batch_job_metrics_rejected: 1 });
    expect(samples).not.toHaveProperty('rows');
    expect(code).toBe(3);
    expect(stderr).toMatch(/only its outcome was pushed\b.*that is metric "rows"/);
    expect(stderr).toContain('batch_job_duration_seconds was left out: it is a summary in {job="other"}');
  });

  test('are left out of what waited in the spool, and keep nothing behind them', async () => {
    const proxy = await startFaultProxy();
    try {
      for (let count = 0; count < 3; count++) await run(proxy.address, ROWS, '--push-timeout', '100ms');
      expect(waiting()).toHaveLength(3);
      proxy.target(gateway().url);
      await hold('other', summary('batch_job_duration_seconds'));
      await runCli(['flush', '-g', proxy.address, '--spool', spool()]);
    } finally {
      await proxy.close();
    }
    expect(await gateway().samples('job')).toMatchObject({ ...OUTCOME, rows: 3 });
    expect(waiting()).toEqual([]);
  });

  test('are left out of the pushes of a running job', async () => {
    await hold('other', summary('batch_job_last_start_timestamp_seconds'));
    const { stderr } = await runJob(
      gateway().url,
      { body: 'await new Promise((resolve) => setTimeout(resolve, 400));' },
      '--push-interval',
      '50ms',
    );
    expect(stderr).not.toContain('the metrics of the running job were not pushed');
    expect(await gateway().samples('job')).toMatchObject({ batch_job_success: 1, rows: 3 });
  });
});

test('where the words of a refusal are unknown, the gateway is read for what conflicts', async () => {
  const held = {
    labels: { job: 'other' },
    batch_job_duration_seconds: { type: 'SUMMARY', metrics: [] },
  };
  const server = await judging((request) => {
    if (request.startsWith('GET ')) return { status: 200, body: JSON.stringify({ data: [held] }) };
    return { status: request.includes('batch_job_duration_seconds') ? 400 : 200, body: 'no' };
  });
  const { stderr } = await run(server.address, '', '--no-start-push');
  expect(stderr).toContain('batch_job_duration_seconds was left out: it is a summary in {job="other"}');
  expect(pushesOf(server)).toHaveLength(2);
  await server.close();
});

test('where that cannot be read either, each family goes by itself, once', async () => {
  const server = await judging((request) => {
    if (request.startsWith('GET ')) return { status: 404 };
    return { status: request.includes('batch_job_duration_seconds') ? 400 : 200, body: 'no such luck' };
  });
  const { code, stderr } = await run(server.address, ROWS, '--no-start-push');
  expect(code).toBe(3);
  expect(stderr).toContain('batch_job_duration_seconds was left out: ');
  expect(stderr).toContain('no such luck');
  const alone = pushesOf(server).slice(2);
  expect(alone.map((request) => request.match(/^# TYPE/gm)?.length)).toEqual(alone.map(() => 1));
  expect(alone.some((request) => request.includes('batch_job_success 1'))).toBe(true);
  expect(alone.some((request) => request.includes('batch_job_metrics_rejected 1'))).toBe(true);
  await server.close();
});

const pushesOf = ({ requests }: FaultyServer): string[] =>
  requests.filter((request) => !request.startsWith('GET '));
