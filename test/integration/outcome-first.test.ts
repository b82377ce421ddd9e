import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { describeGroup } from '../../src/gateway/describe.js';
import { openGateway, type RunningGateway } from '../../src/gateway/gateway.js';
import { runCli } from '../support/cli.js';
import { type FaultProxy, startFaultProxy } from '../support/fault-proxy.js';
import { waitFor } from '../support/wait-for.js';

// The outcome of a run depends on nothing but a push that the gateway takes.

let folder: string;
let spool: string;
let gateway: RunningGateway;
let proxy: FaultProxy;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'prombatch-first-'));
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
const waiting = (): string[] =>
  existsSync(spool)
    ? readdirSync(spool, { recursive: true, encoding: 'utf8' }).filter((name) =>
        /\d{16}-[^/]*\.json$/.test(name),
      )
    : [];

/** Runs a job with these own metrics and this body. */
function run(metrics: string, args: readonly string[] = [], body = '') {
  const path = join(folder, 'job.mjs');
  writeFileSync(
    path,
    `export default { [Symbol.for('prombatch.job')]: true, name: 'job', createRegistry: () => ({ metrics: () => ${JSON.stringify(metrics)} }), async run({ stage }) { ${body} } };`,
  );
  return runCli(['run', path, '-g', proxy.address, '--spool', spool, '--push-timeout', '2s', ...args]);
}
const flush = () => runCli(['flush', '-g', proxy.address, '--spool', spool]);
const COUNTER = '# TYPE rows counter\nrows 2\n';

describe('a gateway that answers readings with 503 and takes pushes', () => {
  beforeEach(() => proxy.refuseReadings(true));

  test('with --accumulate: the outcome arrives, and the counts wait until it can be read', async () => {
    const result = await run(COUNTER, ['--accumulate']);
    expect(result.code).toBe(3);
    expect(result.stderr).toContain('only its outcome was pushed');
    expect(samples()).toMatchObject({ batch_job_success: 1, batch_job_metrics_rejected: 0 });
    expect(samples()).not.toHaveProperty('rows');
    expect((await run(COUNTER, ['--accumulate'])).code).toBe(3);
    expect(waiting()).toHaveLength(2);
    proxy.refuseReadings(false);
    expect((await flush()).code).toBe(0);
    expect(samples()).toMatchObject({ rows: 4, batch_job_success: 1 });
    expect(waiting()).toEqual([]);
  });

  test('a run whose counts wait for a reading does not keep the outcome of the next one waiting', async () => {
    const first = run(COUNTER, ['--accumulate', '--push-timeout', '12s']);
    await waitFor('the outcome of the first', () => gateway.groups().length > 0 && waiting().length === 1);
    const second = await run(COUNTER, ['--accumulate'], "throw new Error('failed');");
    expect(second.stderr).toContain('only its outcome was pushed');
    expect(samples()).toMatchObject({ batch_job_success: 0 });
    expect((await first).stderr).toContain('only its outcome was pushed');
    expect(waiting()).toHaveLength(2);
  });

  test('with an entry that waits: the outcome overtakes it, and it is judged when it can be', async () => {
    proxy.set('down', 1000);
    await run('# TYPE old gauge\nold 1\n', [], 'throw new Error("failed");');
    proxy.set('up', 0);
    const result = await run('');
    expect(result.code).toBe(0);
    expect(samples()).toMatchObject({ batch_job_success: 1, batch_job_exit_code: 0 });
    const told = samples();
    expect(waiting()).toHaveLength(1);
    proxy.refuseReadings(false);
    expect((await flush()).code).toBe(0);
    expect(samples()).toEqual(told);
    expect(waiting()).toEqual([]);
  });

  test('without a spool: the outcome arrives, and says that the counts are lost', async () => {
    const result = await run(COUNTER, ['--accumulate', '--no-spool']);
    expect(result.code).toBe(3);
    expect(samples()).toMatchObject({ batch_job_success: 1, batch_job_metrics_rejected: 1 });
  });
});

test('a gateway that answers no reading keeps no outcome waiting, nor that of the runs behind it', async () => {
  const pushed: string[] = [];
  const server: Server = createServer((request, response) => {
    if (request.method === 'GET') return;
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      pushed.push(Buffer.concat(chunks).toString());
      response.end();
    });
  });
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const outcomes = () => pushed.filter((body) => body.includes('batch_job_exit_code 7')).length;
  const exec = (timeout: string) =>
    runCli([
      'exec',
      '-g',
      `127.0.0.1:${port}`,
      '--spool',
      spool,
      '--job',
      'a',
      '--accumulate',
      '--push-timeout',
      timeout,
      '--',
      'sh',
      '-c',
      'printf "# TYPE rows counter\\nrows 1\\n" >> "$PROMBATCH_METRICS_FILE"; exit 7',
    ]);
  const first = exec('30s');
  await waitFor('the entry of the first', () => waiting().length === 1);
  const second = await exec('10s');
  expect(second.stderr).toContain('only its outcome was pushed');
  expect((await first).stderr).toContain('only its outcome was pushed');
  expect(outcomes()).toBe(2);
  expect(waiting()).toHaveLength(2);
  server.closeAllConnections();
  server.close();
}, 40_000);

test('a reading of more than 64 MiB is a failed reading, and no failed job', async () => {
  const chunk = Buffer.alloc(2 ** 20, 'a');
  let sent = 0;
  const server: Server = createServer((request, response) => {
    request.resume();
    if (request.method !== 'GET') return response.end();
    const more = (): void => {
      while (sent < 560) {
        sent++;
        if (!response.write(chunk)) return void response.once('drain', more);
      }
      response.end();
    };
    more();
    return undefined;
  });
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const result = await run(COUNTER, ['--accumulate', '-g', `127.0.0.1:${port}`]);
  server.closeAllConnections();
  server.close();
  expect(result.code).toBe(3);
  expect(result.stderr).toContain('job succeeded');
  expect(result.stderr).toContain('answered with more than 64 MiB');
  expect(sent).toBeLessThan(400);
});

describe('stages cannot cost the outcome', () => {
  test('a name that is half a surrogate pair becomes the replacement character', async () => {
    expect((await run('rows 1\n', [], "await stage('a\\ud800b', () => {});")).code).toBe(0);
    expect(samples()).toHaveProperty(['batch_job_stage_duration_seconds{stage="a\ufffdb"}']);
  });

  test('the outcome that goes alone has none of them', async () => {
    await fetch(`${gateway.url}/metrics/job/other`, { method: 'POST', body: '# TYPE rows gauge\nrows 1\n' });
    const result = await run(COUNTER, [], "await stage('load', () => {});");
    expect(result.code).toBe(3);
    const names = Object.keys(samples());
    expect(names).toContain('batch_job_metrics_rejected');
    expect(names.filter((name) => name.includes('stage'))).toEqual([]);
  });
});
