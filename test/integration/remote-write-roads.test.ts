import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createGroupingKey } from '../../src/delivery/grouping-key.js';
import { writeEntry } from '../../src/delivery/remote-write/entry/read-entry.js';
import { entryName } from '../../src/delivery/remote-write/spool/names.js';
import { openReceiverSpool } from '../../src/delivery/remote-write/spool/receiver-spool.js';
import { writeFamilies } from '../../src/exposition/write.js';
import { silentLog } from '../../src/log.js';
import { loneOutcomeFamilies, outcomeFamilies } from '../../src/outcome/batch-metrics.js';
import type { RunOutcome } from '../../src/outcome/outcome.js';
import { runCli } from '../support/cli.js';
import { long } from '../support/long.js';
import { startPushgateway } from '../support/pushgateway.js';
import { receiverPrograms, startReceiver } from '../support/receivers.js';
import { findServer } from '../support/server-process.js';
import { waitFor } from '../support/wait-for.js';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'prombatch-roads-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const pushgateway = findServer('prometheus-pushgateway');

for (const program of receiverPrograms()) {
  const missing = program.binary === undefined;

  // Another engine scrapes in its own way.
  const scrapes = program.kind === 'prometheus';
  describe.skipIf(missing || pushgateway === undefined).each(scrapes ? [program] : [])(
    'both roads into one, on $name',
    () => {
      test('no request is refused, no run is there twice, and each road is told apart', async () => {
        const gateway = await startPushgateway(pushgateway ?? '');
        const address = gateway.url.replace('http://', '');
        const receiver = await startReceiver(program, {
          scrape: `scrape_configs: [{ job_name: gateway, honor_labels: true, static_configs: [{ targets: ['${address}'] }] }]\n`,
        });
        try {
          for (let run = 1; run <= 3; run++) {
            const flags = ['--job', 'both', '--ticks', String(run), '--interval', '0', '--accumulate'];
            const result = await runCli([
              'run',
              ...flags,
              '--spool',
              folder,
              '-g',
              gateway.url,
              '--remote-write',
              receiver.url,
            ]);
            expect(result.code, result.stderr).toBe(0);
            await waitFor('a scrape of this run', async () => {
              const scraped = await receiver.query('prom_sample_counter{delivery=""}', Date.now());
              return scraped === (run * (run + 1)) / 2;
            });
          }
          const ask = (expr: string) => receiver.query(expr, Date.now());
          // By remote write each run is one sample with its own values, whatever the gateway accumulates.
          const direct = '{job="both",delivery="remote_write"}[1h]';
          expect(await ask(`count_over_time(batch_job_success${direct})`)).toBe(3);
          expect(await ask(`sum_over_time(batch_job_records_processed${direct})`)).toBe(6);
          expect(await ask('prom_sample_counter{job="both",delivery="remote_write"}')).toBe(3);
          expect(await ask('prom_sample_counter{job="both",delivery=""}')).toBe(6);
          expect(await ask('count(batch_job_success{job="both"})')).toBe(2);
        } finally {
          await receiver.stop();
          await gateway.stop();
        }
      });
    },
  );

  const entries = long ? 10_000 : 200;
  describe.skipIf(missing)(`what waits, on ${program.name}`, () => {
    test(`${entries} entries of many jobs reach a receiver that came back by one flush, oldest first`, async () => {
      const receiver = await startReceiver(program);
      try {
        const jobs = Array.from({ length: 4 }, (_, index) => `waiting_${index}`);
        const begin = Date.now() - 20 * 60_000;
        keepAll(folder, receiver.url, jobs, entries, begin);
        const started = performance.now();
        const flush = await runCli(['flush', '--spool', folder, '--remote-write', receiver.url]);
        expect(flush.stdout).toContain(`${entries} sent, 0 refused and set aside, 0 still waiting`);
        expect(flush.code, flush.stderr).toBe(0);
        expect(performance.now() - started).toBeLessThan(60_000);
        for (const [index, job] of jobs.entries()) {
          const stored = await receiver.stored(job);
          const runs = Array.from({ length: entries / jobs.length }, (_, run) => run * jobs.length + index);
          expect(stored.batch_job_records_processed).toEqual(runs.map((run) => [begin + run * 100, run]));
          expect(stored.rows_total?.length).toBe(2 * runs.length);
        }
      } finally {
        await receiver.stop();
      }
    }, 300_000);

    test('what waits of very many jobs goes oldest first over all of them, so that nothing is too old', async () => {
      const receiver = await startReceiver(program);
      try {
        const jobs = Array.from({ length: 150 }, (_, index) => `many_${index}`);
        keepAll(folder, receiver.url, jobs, 300, Date.now() - 3 * 3_600_000, 36_000);
        const flush = await runCli(['flush', '--spool', folder, '--remote-write', receiver.url]);
        expect(flush.stdout).toContain('300 sent, 0 refused and set aside, 0 still waiting');
        expect(flush.code, flush.stderr).toBe(0);
      } finally {
        await receiver.stop();
      }
    }, 60_000);

    test('a run whose deadline ends before all has gone waits with it, and says so', async () => {
      const receiver = await startReceiver(program);
      try {
        keepAll(folder, receiver.url, ['prom_sample_batch'], 100, Date.now() - 20 * 60_000);
        const flags = ['--spool', folder, '--remote-write', receiver.url];
        const result = await runCli([
          'run',
          '--ticks',
          '1',
          '--interval',
          '0',
          '--push-timeout',
          '1ms',
          ...flags,
        ]);
        expect(result.code).toBe(3);
        expect(result.stderr).toContain('kept in the spool');
        const flush = await runCli(['flush', ...flags]);
        expect(flush.stdout).toContain('101 sent, 0 refused and set aside, 0 still waiting');
      } finally {
        await receiver.stop();
      }
    });
  });
}

for (const program of receiverPrograms().filter(({ kind }) => kind === 'victoria-metrics')) {
  describe.skipIf(program.binary === undefined)("VictoriaMetrics' Pushgateway path", () => {
    test('takes pushes, and a run that would count on from what it holds is told what cannot work', async () => {
      const receiver = await startReceiver(program);
      try {
        const run = (...flags: string[]) =>
          runCli([
            'run',
            '--interval',
            '0',
            '--ticks',
            '2',
            '--spool',
            folder,
            '-g',
            `${receiver.base}/api/v1/import/prometheus`,
            ...flags,
          ]);
        expect(await run('--job', 'plain', '--grouping', 'path=/a/b')).toMatchObject({ code: 0 });
        const stored = await receiver.stored('plain');
        expect(stored['prom_sample_counter{path="/a/b"}']?.map(([, value]) => value)).toEqual([2]);
        const counting = await run('--job', 'counting', '--accumulate');
        expect(counting.code).toBe(3);
        expect(counting.stderr).toContain('only its outcome was pushed');
        expect(counting.stderr).toContain('--accumulate and --replace cannot work there');
        expect(counting.stderr).toContain('--remote-write');
      } finally {
        await receiver.stop();
      }
    });
  });
}

/** Keeps entries as runs of these jobs would, a tenth of a second apart. */
function keepAll(
  spool: string,
  receiver: string,
  jobs: readonly string[],
  entries: number,
  beginMs: number,
  stepMs = 100,
): void {
  const opened = openReceiverSpool(spool, receiver, silentLog);
  for (let run = 0; run < entries; run++) {
    const completedAtMs = beginMs + run * stepMs;
    const startedAtMs = completedAtMs - 50;
    const outcome: RunOutcome = {
      status: 'succeeded',
      startedAtMs,
      completedAtMs,
      durationSeconds: 0.05,
      exitCode: 0,
      recordsProcessed: run,
      stages: [],
    };
    const key = createGroupingKey(jobs[run % jobs.length] ?? '', []);
    const entry = {
      key,
      startedAtMs,
      startStored: false,
      outcome: writeFamilies(
        outcomeFamilies(outcome, { metricsRejected: false }).filter(
          ({ name }) => !name.includes('last_start'),
        ),
      ),
      outcomeAlone: writeFamilies(loneOutcomeFamilies(outcome, { metricsRejected: true })),
      own: `# TYPE rows_total counter\nrows_total ${run}\n`,
      begun: [],
    };
    // As `keep` does, but without waiting for the disk each time.
    const { path } = opened.group(key);
    const text = writeEntry(entry);
    const times = { startMs: startedAtMs, endMs: completedAtMs };
    mkdirSync(path, { recursive: true });
    writeFileSync(
      join(path, entryName(times, 'succeeded', Buffer.byteLength(text), run.toString(16).padStart(16, '0'))),
      text,
    );
  }
}
