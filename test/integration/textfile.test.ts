import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  copyFileSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { withDeadline } from '../../src/delivery/deadline.js';
import type { EndedRun } from '../../src/delivery/target.js';
import { textfileName, writeTextfile } from '../../src/delivery/textfile/textfile.js';
import { createTextfileTarget } from '../../src/delivery/textfile/textfile-target.js';
import { parseFamilies } from '../../src/exposition/parse.js';
import { takeLock } from '../../src/files/lock.js';
import { openGateway } from '../../src/gateway/gateway.js';
import { silentLog } from '../../src/log.js';
import { outcomeFamilies } from '../../src/outcome/batch-metrics.js';
import { runCli } from '../support/cli.js';
import { long } from '../support/long.js';
import { findServer } from '../support/server-process.js';
import { waitFor } from '../support/wait-for.js';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'prombatch-textfile-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const run = (...args: string[]) => runCli(['run', '--interval', '0', '--textfile', folder, ...args]);
const values = (file: string) =>
  Object.fromEntries(
    parseFamilies(readFileSync(join(folder, file), 'utf8'))
      .flatMap(({ samples }) => samples)
      .map(({ name, value }) => [name, value]),
  );

test('with --gateway none only the file is written, for all to read, with the job and grouping on every sample', async () => {
  expect(await run('-g', 'none', '--job', 'a/b', '--grouping', 'shard=1')).toMatchObject({
    code: 0,
    stdout: '',
  });
  expect(readdirSync(folder)).toEqual(['a%2Fb,shard=1.prom']);
  const path = join(folder, 'a%2Fb,shard=1.prom');
  expect(statSync(path).mode & 0o777).toBe(0o644);
  const samples = parseFamilies(readFileSync(path, 'utf8')).flatMap((family) => family.samples);
  expect(samples.length).toBeGreaterThan(20);
  for (const { labels } of samples) {
    expect(labels.slice(0, 2)).toEqual([
      ['batch_job', 'a/b'],
      ['shard', '1'],
    ]);
  }
});

test('a run that fails keeps the last success and when the next is due', async () => {
  await run('-g', 'none', '--expected-interval', '1h');
  const good = values('prom_sample_batch.prom');
  expect((await run('-g', 'none', '--expected-interval', '1h', '--fail-after', '1')).code).toBe(1);
  const after = values('prom_sample_batch.prom');
  for (const name of [
    'batch_job_last_success_timestamp_seconds',
    'batch_job_success_due_timestamp_seconds',
  ]) {
    expect(good[name]).toBeGreaterThan(0);
    expect(after[name]).toBe(good[name]);
  }
  expect(after).toMatchObject({ batch_job_success: 0, prom_sample_counter: 1 });
});

test('--accumulate goes on from the file', async () => {
  for (let runs = 1; runs <= 3; runs++) await run('-g', 'none', '--accumulate', '--ticks', '5');
  expect(values('prom_sample_batch.prom').prom_sample_counter).toBe(15);
});

test('a run waits for another that is writing the same file, so that no counts are lost', async () => {
  const release = await takeLock(folder, new AbortController().signal, 'job.prom.lock');
  const key = { job: 'job', grouping: [] };
  const target = createTextfileTarget({ folder, key, accumulate: true, log: silentLog });
  const own = (rows: number) => `# TYPE rows counter\nrows ${rows}\n`;
  const outcome = () => [];
  const run: EndedRun = {
    outcome,
    loneOutcome: outcome,
    startedAtMs: 0,
    completedAtMs: 0,
    succeeded: true,
    jobMetrics: { text: own(1) },
  };
  await withDeadline(10_000, async (deadline) => {
    const ended = target.end(run, { deadline, settle() {} });
    writeTextfile(folder, { key, accumulate: true, outcome: [], own: own(10) }, silentLog.warn);
    expect(values('job.prom').rows).toBe(10);
    release?.();
    expect(await ended).toEqual({ status: 'delivered' });
  });
  expect(values('job.prom').rows).toBe(11);
  expect(readdirSync(folder)).toEqual(['job.prom']);
});

test('a file that was copied from another job gives its last success to nobody', async () => {
  await run('-g', 'none', '--job', 'shop', '--accumulate', '--ticks', '3');
  copyFileSync(join(folder, 'shop.prom'), join(folder, 'farm.prom'));
  await run('-g', 'none', '--job', 'farm', '--accumulate', '--ticks', '3', '--fail-after', '1');
  expect(values('farm.prom')).toMatchObject({ batch_job_success: 0, prom_sample_counter: 1 });
  expect(values('farm.prom')).not.toHaveProperty('batch_job_last_success_timestamp_seconds');
});

test('a job whose name looks like a grouping has a file of its own', () => {
  const shard = textfileName({ job: 'a', grouping: [['shard', '1']] });
  expect(textfileName({ job: 'a,shard=1', grouping: [] })).not.toBe(shard);
  expect(textfileName({ job: 'a%2Cshard%3D1', grouping: [] })).not.toBe(shard);
});

test('a lock of a textfile that nobody gives back keeps no outcome from being written', async () => {
  const file = 'prom_sample_batch.prom';
  const release = await takeLock(folder, new AbortController().signal, `${file}.lock`);
  expect(await run('-g', 'none')).toMatchObject({ code: 0 });
  release?.();
  expect(values(file)).toMatchObject({ batch_job_success: 1 });
});

test('beside a push both are written', async () => {
  const gateway = await openGateway();
  expect((await run('-g', gateway.url)).code).toBe(0);
  await gateway.close();
  expect(gateway.groups()).toHaveLength(1);
  expect(values('prom_sample_batch.prom').prom_sample_counter).toBe(13);
});

test('a folder that cannot be written is a push failure, and the push is made all the same', async () => {
  const gateway = await openGateway();
  const flags = ['run', '--interval', '0', '-g', gateway.url, '--textfile', join(folder, 'nowhere')];
  const result = await runCli(flags);
  expect(result.code).toBe(3);
  expect(result.stderr).toMatch(
    /its metrics were not written: \S+\/prom_sample_batch.prom: ENOENT: no such file or directory; name a folder/,
  );
  expect((await runCli([...flags, '--on-push-failure', 'warn'])).code).toBe(0);
  expect(gateway.groups()).toHaveLength(1);
  await gateway.close();
});

test('a file that is damaged is written anew', async () => {
  writeFileSync(join(folder, 'prom_sample_batch.prom'), 'half a li');
  expect((await run('-g', 'none')).code).toBe(0);
  expect(values('prom_sample_batch.prom').batch_job_success).toBe(1);
});

const exporter = findServer('prometheus-node-exporter');
const REWRITES = long ? 500 : 100;
test.skipIf(!exporter)(
  `node_exporter never meets half a file while runs rewrite it ${REWRITES} times`,
  async () => {
    const probe = createServer().listen(0, '127.0.0.1');
    await once(probe, 'listening');
    const { port } = probe.address() as { port: number };
    probe.close();
    await once(probe, 'close');
    const child = spawn(exporter ?? '', [
      '--collector.disable-defaults',
      '--collector.textfile',
      `--collector.textfile.directory=${folder}`,
      `--web.listen-address=127.0.0.1:${port}`,
    ]);
    const read = async () => (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
    const write = (runs: number) =>
      writeTextfile(
        folder,
        {
          key: { job: 'nightly', grouping: [] },
          accumulate: false,
          own: `# TYPE rows counter\nrows ${runs}\n`,
          outcome: outcomeFamilies(
            {
              status: 'succeeded',
              startedAtMs: 1000,
              completedAtMs: 2000,
              durationSeconds: 1,
              exitCode: 0,
              stages: [],
            },
            { metricsRejected: false },
          ),
        },
        () => {},
      );
    try {
      write(0);
      await waitFor('node_exporter', read);
      let scrapes = 0;
      for (let runs = 1; runs <= REWRITES; runs++) {
        write(runs);
        const text = await read();
        expect(text).toContain('node_textfile_scrape_error 0');
        expect(text).toContain(`rows{batch_job="nightly"} ${runs}\n`);
        scrapes++;
      }
      expect(scrapes).toBe(REWRITES);
      const reading = Array.from({ length: 30 }, read);
      for (let runs = 501; runs <= 1000; runs++) write(runs);
      for (const text of await Promise.all(reading)) expect(text).toContain('node_textfile_scrape_error 0');
    } finally {
      child.kill();
      await once(child, 'exit');
    }
  },
);
