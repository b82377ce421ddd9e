import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { runCli } from '../support/cli.js';
import { type DirectRunOptions, directRun, type MadeUpRun } from '../support/direct-run.js';
import { startFaultProxy } from '../support/fault-proxy.js';
import { describeOnReceivers, testIf } from '../support/receivers.js';
import { buildVariant } from '../support/variant.js';

const MINUTE = 60_000;
let folder: string;
let count = 0;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'prombatch-remote-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** A job that no other test has. */
const newJob = () => `job_${process.pid}_${count++}`;
const spoolFiles = (spool: string): string[] =>
  readdirSync(spool, { recursive: true, encoding: 'utf8' }).filter((name) => /\.(?:json|reason)$/.test(name));

/** The times of a metric without labels. */
const LAST = {
  start: 'batch_job_last_start_timestamp_seconds',
  completion: 'batch_job_last_completion_timestamp_seconds',
  success: 'batch_job_last_success_timestamp_seconds',
  due: 'batch_job_success_due_timestamp_seconds',
} as const;

/** A counter with a label, a gauge, a histogram and a summary. */
const ownText = (rows: number) => `# TYPE rows_total counter
rows_total{kind="a"} ${rows}
# TYPE temperature gauge
temperature -0.5
# TYPE took histogram
took_bucket{le="1"} 1
took_bucket{le="+Inf"} 2
took_sum 3.25
took_count 2
# TYPE sizes summary
sizes{quantile="0.5"} 7
sizes_sum 14
sizes_count 2
`;

describeOnReceivers('remote write', (receiver, program) => {
  const options = (more: Partial<DirectRunOptions> = {}): DirectRunOptions => ({
    url: receiver().url,
    job: newJob(),
    spool: `${folder}/spool`,
    ...more,
  });

  test('a run of the command is one sample of each metric, at its own time', async () => {
    const job = newJob();
    const flags = ['--ticks', '3', '--interval', '0', '--job', job, '--expected-interval', '1h'];
    const { code, stderr } = await runCli([
      'run',
      ...flags,
      '--remote-write',
      receiver().url,
      '--log-format',
      'json',
    ]);
    expect(code, stderr).toBe(0);
    const ended = stderr
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, number>)
      .find(({ completedAtMs }) => completedAtMs !== undefined);
    const { startedAtMs = 0, completedAtMs = 0, durationSeconds = 0 } = ended ?? {};
    const stored = await receiver().stored(job);
    const at = (value: number) => [[completedAtMs, value]];
    expect(stored).toMatchObject({
      [LAST.start]: [[startedAtMs, startedAtMs / 1000]],
      [LAST.completion]: at(completedAtMs / 1000),
      [LAST.success]: at(completedAtMs / 1000),
      batch_job_duration_seconds: at(durationSeconds),
      batch_job_success: at(1),
      batch_job_exit_code: at(0),
      batch_job_records_processed: at(3),
      batch_job_metrics_rejected: at(0),
      prom_sample_counter: [
        [completedAtMs - 1, 0],
        [completedAtMs, 3],
      ],
      prom_sample_gauge: at(3),
      'prom_sample_labeled_gauge{id="2"}': at(6),
      'prom_sample_labeled_gauge{id="3"}': at(9),
    });
    const dueMs = completedAtMs + 2 * 60 * MINUTE + Math.round(durationSeconds * 1000);
    expect(stored[LAST.due]).toEqual(at(dueMs / 1000));
    const counts = Object.entries(stored).filter(([name]) => /^prom_sample_(histogram|summary)_/.test(name));
    expect(counts.length).toBeGreaterThan(8);
    for (const [, samples] of counts) {
      expect(samples.map(([time]) => time)).toEqual([completedAtMs - 1, completedAtMs]);
      expect(samples[0]?.[1]).toBe(0);
    }
    const quantiles = Object.entries(stored).filter(([name]) => name.startsWith('prom_sample_summary{'));
    expect(quantiles.length).toBeGreaterThan(4);
    for (const [, samples] of quantiles) expect(samples.map(([time]) => time)).toEqual([completedAtMs]);
  });

  test('grouping values arrive letter for letter, and no instance is added', async () => {
    const values = {
      quoted: 'a "b" \\ \n c',
      path: '/../x//y/',
      world: 'grüße 🚀 日本',
      spaces: '  ',
      equals: 'a=b,c={d}',
    };
    const run = options({ grouping: Object.entries(values) });
    expect(await directRun(run, { startedAtMs: Date.now() - 1000, completedAtMs: Date.now() })).toEqual({
      status: 'delivered',
    });
    const labels = await receiver().labels(run.job);
    expect(labels.length).toBeGreaterThan(6);
    for (const { __name__: _, version: _version, ...rest } of labels)
      expect(rest).toEqual({ job: run.job, delivery: 'remote_write', ...values });
  });

  test('a run of two hours keeps the time of its end, and its start is true', async () => {
    const run = options();
    const now = Date.now();
    // The receiver has heard of other series since, so that what is two hours old is out of its bounds.
    await directRun(options(), { startedAtMs: now, completedAtMs: now });
    const started = now - 120 * MINUTE;
    const report = await directRun(run, { startedAtMs: started, completedAtMs: now, own: ownText(10) });
    expect(report).toEqual({ status: 'delivered' });
    const stored = await receiver().stored(run.job);
    const start = stored[LAST.start] ?? [];
    expect(start.map(([, value]) => value)).toEqual([started / 1000]);
    expect([started, now]).toContain(start[0]?.[0]);
    expect(stored['rows_total{kind="a"}']).toEqual([
      [now - 1, 0],
      [now, 10],
    ]);
    expect(stored.batch_job_duration_seconds).toEqual([[now, 7200]]);
  });

  test('two runs that end in one millisecond are two samples', async () => {
    const run = options();
    const now = Date.now();
    for (const rows of [1, 2]) {
      await directRun(run, { startedAtMs: now - 5, completedAtMs: now, own: ownText(rows), records: rows });
    }
    const stored = await receiver().stored(run.job);
    expect(stored.batch_job_records_processed).toEqual([
      [now, 1],
      [now + 2, 2],
    ]);
    expect(stored['rows_total{kind="a"}']).toEqual([
      [now - 1, 0],
      [now, 1],
      [now + 1, 0],
      [now + 2, 2],
    ]);
    expect(stored[LAST.start]).toEqual([
      [now - 5, (now - 5) / 1000],
      [now - 4, (now - 5) / 1000],
    ]);
    expect(stored[LAST.completion]?.map(([, value]) => value)).toEqual([now / 1000, now / 1000]);
  });

  test('the last start never moves back if a run begins while another runs, whichever ends first', async () => {
    const now = Date.now();
    // The receiver has heard of other series since, so that what is two hours old is out of its bounds.
    await directRun(options(), { startedAtMs: now, completedAtMs: now });
    for (const run of [options(), { url: receiver().url, job: newJob() }]) {
      const lastStart = async () => (await receiver().stored(run.job))[LAST.start]?.at(-1)?.[1];
      await directRun(run, {
        startedAtMs: now - 1000,
        completedAtMs: now - 500,
        meanwhile: () => directRun(run, { startedAtMs: now - 120 * MINUTE, completedAtMs: now - 900 }),
      });
      expect(await lastStart()).toBe((now - 1000) / 1000);
      await directRun(run, {
        startedAtMs: now - 100,
        completedAtMs: now,
        meanwhile: () => directRun(run, { startedAtMs: now - 50, completedAtMs: now - 40, start: true }),
      });
      expect(await lastStart()).toBe((now - 50) / 1000);
      expect((await receiver().stored(run.job)).batch_job_success).toHaveLength(4);
    }
  });

  test('runs after a clock that was set back follow the newest time that was given, with true values', async () => {
    const run = options();
    const now = Date.now() - MINUTE;
    const back = now - 30 * MINUTE;
    const ends = [now, back, back + 1000, now + 1000];
    for (const [index, end] of ends.entries()) {
      const report = await directRun(run, {
        startedAtMs: end - 100,
        completedAtMs: end,
        records: index,
        own: ownText(index),
        start: true,
      });
      expect(report).toEqual({ status: 'delivered' });
    }
    const stored = await receiver().stored(run.job);
    expect(stored.batch_job_records_processed).toEqual([
      [now, 0],
      [now + 2, 1],
      [now + 4, 2],
      [now + 1000, 3],
    ]);
    expect(stored[LAST.completion]?.map(([, value]) => value)).toEqual(ends.map((end) => end / 1000));
    expect(stored[LAST.start]).toEqual([
      [now - 100, (now - 100) / 1000],
      [now - 99, (back - 100) / 1000],
      [now - 98, (back + 900) / 1000],
      [now + 900, (now + 900) / 1000],
    ]);
  });

  test.runIf(program.newer)(
    'a run whose clock was a day ahead is refused as that, and the runs after it are stored at their own times',
    async () => {
      const now = Date.now();
      const ahead = now + 24 * 60 * MINUTE;
      for (const run of [options(), { url: receiver().url, job: newJob() }]) {
        await directRun(run, { startedAtMs: now - 2000, completedAtMs: now - 1000, records: 1 });
        const refused = await directRun(run, {
          startedAtMs: ahead - 10,
          completedAtMs: ahead,
          records: 2,
          own: ownText(2),
          start: true,
        });
        expect(refused).toMatchObject({ status: 'failed', error: { code: 'SAMPLE_FAR_AHEAD' } });
        const report = await directRun(run, {
          startedAtMs: now - 10,
          completedAtMs: now,
          records: 3,
          start: true,
        });
        expect(report).toEqual({ status: 'delivered' });
        const stored = await receiver().stored(run.job);
        expect(stored.batch_job_records_processed).toEqual([
          [now - 1000, 1],
          [now, 3],
        ]);
        expect(stored[LAST.start]?.at(-1)).toEqual([now - 10, (now - 10) / 1000]);
      }
    },
  );

  test('a run whose answers are lost is stored once, and is no failure', async () => {
    const proxy = await startFaultProxy();
    proxy.target(receiver().base);
    try {
      const run = options({ url: `http://${proxy.address}/api/v1/write` });
      const now = Date.now();
      for (const [index, lost] of [1, 2, 3].entries()) {
        // Each of the run's requests loses its answer once.
        proxy.set('cutting after storing', lost);
        const end = now + index * 100;
        const report = await directRun(run, {
          startedAtMs: end - 10,
          completedAtMs: end,
          own: ownText(index + 1),
        });
        expect(report).toEqual({ status: 'delivered' });
      }
      const stored = await receiver().stored(run.job);
      expect(stored['rows_total{kind="a"}']).toEqual(
        [0, 100, 200].flatMap((after, index) => [
          [now + after - 1, 0],
          [now + after, index + 1],
        ]),
      );
      expect(stored.batch_job_success).toEqual([0, 100, 200].map((after) => [now + after, 1]));
      expect(spoolFiles(`${folder}/spool`)).toEqual([]);
    } finally {
      await proxy.close();
    }
  });

  test('an update whose answer is lost counts once: no count has a second 0', async () => {
    const proxy = await startFaultProxy();
    proxy.target(receiver().base);
    const run = options({ url: `http://${proxy.address}/api/v1/write` });
    const started = Date.now();
    proxy.set('cutting after storing', 1);
    const end = started + 2000;
    const given = { startedAtMs: started, completedAtMs: end, update: ownText(3), own: ownText(5) };
    expect(await directRun(run, given)).toEqual({ status: 'delivered' });
    await proxy.close();
    const stored = await receiver().stored(run.job);
    const [zero, updated, last, ...more] = stored['rows_total{kind="a"}'] ?? [];
    expect(more).toEqual([]);
    expect([zero?.[1], updated?.[1], last?.[1]]).toEqual([0, 3, 5]);
    expect(updated?.[0]).toBe((zero?.[0] ?? 0) + 1);
    expect(last?.[0]).toBe(end);
    expect(stored.temperature).toHaveLength(2);
  });

  test('what was stored as one request by a process that was killed is not refused the next time', async () => {
    const proxy = await startFaultProxy();
    const run = options({ url: `http://${proxy.address}/api/v1/write`, timeoutMs: 300 });
    const ends = [4, 3, 2].map((minutes) => Date.now() - minutes * MINUTE);
    for (const [index, end] of ends.entries()) {
      const given = { startedAtMs: end - 10, completedAtMs: end, own: ownText(index + 1) };
      expect(await directRun(run, given)).toMatchObject({ status: 'failed', spooled: true });
    }
    proxy.target(receiver().base);
    const place = '  const delivered: WaitingEntry[] = [];';
    const killed = await buildVariant(
      'delivery/remote-write/spool/replay.ts',
      place,
      `process.kill(process.pid, 'SIGKILL');\n${place}`,
      join(folder, 'killed.cjs'),
    );
    const flags = ['flush', '--spool', `${folder}/spool`, '--remote-write', run.url];
    expect(await runCli(flags, { cli: killed })).toMatchObject({ signal: 'SIGKILL' });
    const flush = await runCli(flags);
    await proxy.close();
    expect(flush.stdout).toContain('3 sent, 0 refused and set aside, 0 still waiting');
    const stored = await receiver().stored(run.job);
    expect(stored.batch_job_success?.map(([time]) => time)).toEqual(ends);
    expect(stored['rows_total{kind="a"}']?.map(([, value]) => value)).toEqual([0, 1, 0, 2, 0, 3]);
  });

  test('what waited goes out with the next run, oldest first and with its own times', async () => {
    const proxy = await startFaultProxy();
    try {
      const run = options({ url: `http://${proxy.address}/api/v1/write`, timeoutMs: 300 });
      const begin = Date.now() - 10 * MINUTE;
      const runs = [0, 1, 2, 3].map(
        (index): MadeUpRun => ({
          startedAtMs: begin + index * MINUTE,
          completedAtMs: begin + index * MINUTE + 1000,
          records: index,
          succeeded: index !== 2,
          own: ownText(index + 1),
        }),
      );
      for (const each of runs.slice(0, 3)) {
        expect(await directRun(run, each)).toMatchObject({ status: 'failed', spooled: true });
      }
      proxy.target(receiver().base);
      expect(await directRun({ ...run, timeoutMs: 10_000 }, runs[3] ?? never())).toEqual({
        status: 'delivered',
      });
      const stored = await receiver().stored(run.job);
      const ends = runs.map(({ completedAtMs }) => completedAtMs);
      expect(stored.batch_job_records_processed).toEqual(ends.map((end, index) => [end, index]));
      expect(stored[LAST.start]).toEqual(runs.map(({ startedAtMs }) => [startedAtMs, startedAtMs / 1000]));
      expect(stored['rows_total{kind="a"}']).toEqual(
        ends.flatMap((end, index) => [
          [end - 1, 0],
          [end, index + 1],
        ]),
      );
      expect(stored[LAST.success]?.map(([time]) => time)).toEqual([ends[0], ends[1], ends[3]]);
    } finally {
      await proxy.close();
    }
  });

  testIf(
    program.kind !== 'victoria-metrics',
    'what is refused as too old is set aside with a hint, and the last times are told as of now',
    async () => {
      const run = options();
      const now = Date.now();
      await directRun(options(), { startedAtMs: now, completedAtMs: now });
      const end = now - 40 * 60 * MINUTE;
      const due = { dueAtMs: now + 60 * MINUTE };
      const report = await directRun(run, {
        startedAtMs: end - 10,
        completedAtMs: end,
        ...due,
        own: ownText(3),
      });
      expect(report).toMatchObject({ status: 'failed', error: { code: 'SAMPLE_TOO_OLD' } });
      const stored = await receiver().stored(run.job);
      expect(Object.keys(stored).sort()).toEqual(Object.values(LAST).sort());
      expect(stored[LAST.completion]?.map(([, value]) => value)).toEqual([end / 1000]);
      expect(stored[LAST.due]?.map(([, value]) => value)).toEqual([due.dueAtMs / 1000]);
      for (const [time] of Object.values(stored).flat()) expect(Math.abs(time - now)).toBeLessThan(MINUTE);
      const reason = spoolFiles(`${folder}/spool`).find((name) => name.endsWith('.reason')) ?? '';
      expect(reason).toContain('rejected');
      expect(readFileSync(`${folder}/spool/${reason}`, 'utf8')).toContain('out_of_order_time_window');
    },
  );

  testIf(
    program.kind !== 'victoria-metrics',
    'of several that are refused as too old the newest of each kind is told',
    async () => {
      const now = Date.now();
      await directRun(options(), { startedAtMs: now, completedAtMs: now });
      const proxy = await startFaultProxy();
      const run = options({ url: `http://${proxy.address}/api/v1/write`, timeoutMs: 300 });
      const ends = [50, 45, 40].map((hours) => now - hours * 60 * MINUTE);
      for (const [index, end] of ends.entries()) {
        const given = { startedAtMs: end - 10, completedAtMs: end, succeeded: index !== 2 };
        expect(await directRun(run, given)).toMatchObject({ status: 'failed', spooled: true });
      }
      proxy.target(receiver().base);
      const { code, stdout } = await runCli([
        'flush',
        '--spool',
        `${folder}/spool`,
        '--remote-write',
        run.url,
      ]);
      await proxy.close();
      expect(stdout).toContain('0 sent, 3 refused and set aside, 0 still waiting');
      expect(code).toBe(1);
      const stored = await receiver().stored(run.job);
      const values = (name: string) => stored[name]?.map(([, value]) => value);
      expect(values(LAST.completion)).toEqual([(ends[2] ?? 0) / 1000]);
      expect(values(LAST.start)).toEqual([((ends[2] ?? 0) - 10) / 1000]);
      expect(values(LAST.success)).toEqual([(ends[1] ?? 0) / 1000]);
      expect(stored.batch_job_success).toBeUndefined();
    },
  );

  testIf(program.newer, 'a run of a clock that is ahead waits until its time has come', async () => {
    const run = options();
    const ahead = Date.now() + 30 * MINUTE;
    const report = await directRun(run, { startedAtMs: ahead - 10, completedAtMs: ahead });
    expect(report).toMatchObject({ status: 'failed', spooled: true, error: { code: 'SAMPLE_IN_FUTURE' } });
    expect(spoolFiles(`${folder}/spool`).filter((name) => name.includes('rejected'))).toEqual([]);
  });

  test('runs of one group that end at once take times of their own', async () => {
    const job = newJob();
    const command = ['exec', '--job', job, '--spool', `${folder}/spool`, '--remote-write', receiver().url];
    const runs = await Promise.all(
      Array.from({ length: 8 }, () => runCli([...command, '--on-push-failure', 'fail', '--', 'true'])),
    );
    for (const { code, stderr } of runs) expect(code, stderr).toBe(0);
    const times = (await receiver().stored(job)).batch_job_success?.map(([time]) => time) ?? [];
    expect(times).toHaveLength(8);
    expect(
      Math.min(...times.slice(1).map((time, index) => time - (times[index] ?? 0))),
    ).toBeGreaterThanOrEqual(2);
  });

  test('sums and ratios of five runs are exact, and increase() is within its extrapolation', async () => {
    const run = options();
    const now = Date.now() - MINUTE;
    const rows = [10, 12, 7, 12, 30];
    for (const [index, records] of rows.entries()) {
      const end = now - (rows.length - index) * 4 * MINUTE;
      const own = `# TYPE rows_total counter\nrows_total ${records}\n`;
      const given = { startedAtMs: end - 1000, completedAtMs: end, records, succeeded: index !== 1, own };
      expect(await directRun(run, given)).toEqual({ status: 'delivered' });
    }
    const ask = (expr: string) => receiver().query(expr.replaceAll('$', `{job="${run.job}"}`), now);
    expect(await ask('sum_over_time(batch_job_records_processed$[25m])')).toBe(71);
    expect(await ask('count_over_time(batch_job_success$[25m])')).toBe(5);
    expect(await ask('avg_over_time(batch_job_success$[25m])')).toBeCloseTo(0.8, 10);
    const increase = await ask('increase(rows_total$[25m])');
    expect(increase).toBeGreaterThanOrEqual(71);
    expect(increase).toBeLessThan(71 * 1.6);
  });
});

describeOnReceivers(
  'remote write with an out-of-order window of ten minutes',
  (receiver, program) => {
    const options = (): DirectRunOptions => ({
      url: receiver().url,
      job: newJob(),
      spool: `${folder}/spool`,
    });

    test('a late run of another host is stored at its own time', async () => {
      const run = options();
      const now = Date.now();
      await directRun(run, { startedAtMs: now - 10, completedAtMs: now, records: 2 });
      // Another host has a spool of its own, and knows nothing of the times that this one gave.
      const late = now - 5 * MINUTE;
      const other = { ...run, spool: `${folder}/other` };
      const given = { startedAtMs: late - 10, completedAtMs: late, records: 1, own: ownText(4) };
      expect(await directRun(other, given)).toEqual({ status: 'delivered' });
      const stored = await receiver().stored(run.job);
      expect(stored.batch_job_records_processed).toEqual([
        [late, 1],
        [now, 2],
      ]);
      expect(stored['rows_total{kind="a"}']).toEqual([
        [late - 1, 0],
        [late, 4],
      ]);
    });

    test('a run whose answers are lost is stored once', async () => {
      const proxy = await startFaultProxy();
      proxy.target(receiver().base);
      const run = { ...options(), url: `http://${proxy.address}/api/v1/write` };
      const now = Date.now();
      proxy.set('cutting after storing', 3);
      const report = await directRun(run, { startedAtMs: now - 10, completedAtMs: now, own: ownText(2) });
      await proxy.close();
      expect(report).toEqual({ status: 'delivered' });
      const stored = await receiver().stored(run.job);
      expect(stored['rows_total{kind="a"}']).toEqual([
        [now - 1, 0],
        [now, 2],
      ]);
      expect(stored.batch_job_success).toEqual([[now, 1]]);
    });

    // Debian's 2.42 answers 500, which is final all the same.
    testIf(program.kind !== 'victoria-metrics', 'what is older than the window is final', async () => {
      const run = options();
      const now = Date.now();
      await directRun(run, { startedAtMs: now - 10, completedAtMs: now });
      const old = now - 40 * MINUTE;
      const other = { ...run, spool: `${folder}/other` };
      const report = await directRun(other, { startedAtMs: old - 10, completedAtMs: old, own: ownText(4) });
      expect(report).toMatchObject({ status: 'failed', error: { code: 'SAMPLE_TOO_OLD' } });
      expect(spoolFiles(`${folder}/other`).every((name) => name.includes('rejected'))).toBe(true);
      expect(spoolFiles(`${folder}/other`)).toHaveLength(2);
    });
  },
  { window: '10m' },
);

function never(): never {
  throw new Error('expected a run');
}
