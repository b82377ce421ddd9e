import { expect, test } from 'vitest';
import { runCli, startCli } from '../support/cli.js';
import { describeOnPushgateways } from '../support/pushgateway.js';
import { waitFor } from '../support/wait-for.js';

const SAMPLE = ['run', '--interval', '0', '--seed', '1'];

describeOnPushgateways('prombatch run', (gateway) => {
  const run = (...args: string[]) => runCli([...SAMPLE, '-g', gateway().url, ...args]);

  test('seven ticks leave the five metrics and the batch metrics under the default job', async () => {
    const before = Date.now() / 1000;
    const result = await run('--ticks', '7');
    expect(result).toMatchObject({ code: 0, stdout: '' });
    const samples = await gateway().samples('prom_sample_batch');

    expect(samples.prom_sample_counter).toBe(7);
    expect(samples.prom_sample_gauge).toBe(7);
    expect(samples['prom_sample_labeled_gauge{id="2"}']).toBe(14);
    expect(samples['prom_sample_labeled_gauge{id="3"}']).toBe(21);

    const statuses = ['200', '201', '400', '403', '404', '500'].map((status) => `{status_code="${status}"}`);
    const total = (name: string) => statuses.reduce((sum, labels) => sum + (samples[name + labels] ?? 0), 0);
    expect(total('prom_sample_histogram_count')).toBe(7);
    expect(total('prom_sample_summary_count')).toBe(7);
    for (const labels of statuses) {
      expect(samples[`prom_sample_histogram_sum${labels}`]).toBe(samples[`prom_sample_summary_sum${labels}`]);
    }
    const bounds = Object.keys(samples).flatMap(
      (name) => /_histogram_bucket.*le="([^"]+)"/.exec(name)?.[1] ?? [],
    );
    expect(new Set(bounds)).toEqual(new Set(['20', '40', '60', '80', '100', '+Inf']));

    expect(samples).toMatchObject({
      batch_job_success: 1,
      batch_job_exit_code: 0,
      batch_job_records_processed: 7,
      batch_job_metrics_rejected: 0,
      'batch_job_info{version="0.1.0"}': 1,
    });
    const started = samples.batch_job_last_start_timestamp_seconds ?? 0;
    const completed = samples.batch_job_last_completion_timestamp_seconds ?? 0;
    expect(started).toBeGreaterThanOrEqual(before - 0.001);
    expect(completed).toBeGreaterThanOrEqual(started);
    expect(samples.batch_job_last_success_timestamp_seconds).toBe(completed);
    expect(samples.batch_job_duration_seconds).toBeGreaterThan(0);
    expect(samples.batch_job_success_due_timestamp_seconds).toBeUndefined();
  });

  test.each([
    [13, 7],
    [20, 0],
    [10, 10],
    [0, 0],
  ])('after %i ticks the gauge stands at %i', async (ticks, level) => {
    const job = `wave_${ticks}`;
    expect((await run('--ticks', String(ticks), '--job', job)).code).toBe(0);
    expect(await gateway().samples(job)).toMatchObject({
      prom_sample_gauge: level,
      prom_sample_counter: ticks,
    });
  });

  test('a failed run keeps the last success and when the next is due', async () => {
    const flags = ['--job', 'keeps', '--expected-interval', '1h'];
    await run(...flags);
    const good = await gateway().samples('keeps');
    const failed = await run(...flags, '--fail-after', '3');
    expect(failed.code).toBe(1);
    expect(failed.stderr).toContain('prom_sample_batch failed');
    expect(failed.stderr).toContain('failed on purpose after 3 ticks');
    const after = await gateway().samples('keeps');

    for (const name of [
      'batch_job_last_success_timestamp_seconds',
      'batch_job_success_due_timestamp_seconds',
    ]) {
      expect(good[name]).toBeGreaterThan(0);
      expect(after[name]).toBe(good[name]);
    }
    expect(after).toMatchObject({
      batch_job_success: 0,
      batch_job_exit_code: 1,
      batch_job_records_processed: 3,
    });
    expect(after.batch_job_last_completion_timestamp_seconds).toBeGreaterThan(
      good.batch_job_last_completion_timestamp_seconds ?? Number.POSITIVE_INFINITY,
    );
  });

  test('an expected interval of an hour makes the next success due two hours and a run after completion', async () => {
    await run('--job', 'due', '--expected-interval', '1h');
    const samples = await gateway().samples('due');
    const due = samples.batch_job_success_due_timestamp_seconds ?? 0;
    const {
      batch_job_last_completion_timestamp_seconds: completed = 0,
      batch_job_duration_seconds: took = 0,
    } = samples;
    expect(took).toBeGreaterThan(0.001);
    expect(Math.abs(due - completed - 7200 - took)).toBeLessThan(0.002);
  });

  test('the same seed gives the same metrics byte for byte, another seed others', async () => {
    const body = async (seed: string) => {
      const { stdout } = await runCli([
        'run',
        '--dry-run',
        '--interval',
        '0',
        '--ticks',
        '500',
        '--seed',
        seed,
      ]);
      const end = stdout.slice(stdout.indexOf('batch_job_info'));
      expect(end).toContain('prom_sample_counter 500');
      return end;
    };
    const first = await body('42');
    expect(await body('42')).toBe(first);
    expect(await body('43')).not.toBe(first);
  });

  test('--replace clears what the job no longer has, but only when it succeeds', async () => {
    await fetch(`${gateway().url}/metrics/job/replaced`, { method: 'POST', body: 'old_rows 1\n' });
    expect((await run('--job', 'replaced', '--replace', '--fail-after', '1')).code).toBe(1);
    expect(await gateway().samples('replaced')).toMatchObject({ old_rows: 1 });
    expect((await run('--job', 'replaced', '--replace')).code).toBe(0);
    const samples = await gateway().samples('replaced');
    expect(samples.old_rows).toBeUndefined();
    expect(samples).toMatchObject({ batch_job_success: 1, prom_sample_counter: 13 });
  });

  test('SIGTERM in the middle of a run: exit 143, a failure with a completion time', async () => {
    const cli = startCli(['run', '-g', gateway().url, '--job', 'terminated', '--interval', '30s']);
    await waitFor('the start push', async () => {
      return (await gateway().samples('terminated')).batch_job_last_start_timestamp_seconds;
    });
    cli.child.kill('SIGTERM');
    const result = await cli.result;
    expect(result.code).toBe(143);
    expect(result.stderr).toContain('stopped by SIGTERM');
    const samples = await gateway().samples('terminated');
    expect(samples).toMatchObject({
      batch_job_success: 0,
      batch_job_exit_code: 143,
      batch_job_records_processed: 1,
    });
    expect(samples.batch_job_last_completion_timestamp_seconds).toBeGreaterThan(0);
    expect(samples.batch_job_last_success_timestamp_seconds).toBeUndefined();
  });

  test.each([
    ['SIGINT', 130],
    ['SIGHUP', 129],
  ] as const)('%s ends a run with %i', async (signal, code) => {
    const cli = startCli(['run', '-g', gateway().url, '--job', signal, '--interval', '30s']);
    await waitFor('the start push', async () => (await gateway().samples(signal)).push_time_seconds);
    cli.child.kill(signal);
    expect((await cli.result).code).toBe(code);
    expect(await gateway().samples(signal)).toMatchObject({
      batch_job_exit_code: code,
      batch_job_success: 0,
    });
  });

  test('SIGKILL in the middle of a run: the start is newer than the completion', async () => {
    await run('--job', 'killed');
    const { batch_job_last_completion_timestamp_seconds: completed = 0, ...before } =
      await gateway().samples('killed');
    const cli = startCli(['run', '-g', gateway().url, '--job', 'killed', '--interval', '30s']);
    const started = await waitFor('the second start push', async () => {
      const { batch_job_last_start_timestamp_seconds: start = 0 } = await gateway().samples('killed');
      return start > completed && start;
    });
    cli.child.kill('SIGKILL');
    await cli.result;
    const after = await gateway().samples('killed');
    expect(after.batch_job_last_start_timestamp_seconds).toBe(started);
    expect(after.batch_job_last_completion_timestamp_seconds).toBe(completed);
    expect(after.batch_job_last_success_timestamp_seconds).toBe(
      before.batch_job_last_success_timestamp_seconds,
    );
  });

  test('--timeout: exit 124, and the gateway hears of it', async () => {
    const result = await runCli([
      'run',
      '-g',
      gateway().url,
      '--job',
      'late',
      '--interval',
      '30s',
      '--timeout',
      '200ms',
    ]);
    expect(result.code).toBe(124);
    expect(result.stderr).toContain('past its deadline of 200ms');
    expect(await gateway().samples('late')).toMatchObject({ batch_job_exit_code: 124, batch_job_success: 0 });
  });

  test("--push-interval shows the job's metrics while it runs", async () => {
    const cli = startCli([
      'run',
      '-g',
      gateway().url,
      '--job',
      'visible',
      '--ticks',
      '1000',
      '--interval',
      '20ms',
      '--push-interval',
      '50ms',
    ]);
    const seen = await waitFor('a counter that moves', async () => {
      return (await gateway().samples('visible')).prom_sample_counter;
    });
    await waitFor('a later value', async () => {
      return ((await gateway().samples('visible')).prom_sample_counter ?? 0) > seen;
    });
    expect((await gateway().samples('visible')).batch_job_success).toBeUndefined();
    cli.child.kill('SIGTERM');
    expect((await cli.result).code).toBe(143);
  });

  test('a type conflict with another group costs the metrics, never the outcome', async () => {
    await gateway().wipe();
    await fetch(`${gateway().url}/metrics/job/other`, {
      method: 'POST',
      body: '# TYPE prom_sample_counter gauge\nprom_sample_counter 1\n',
    });
    const result = await run('--job', 'conflict');
    expect(result.code).toBe(3);
    expect(result.stderr).toContain('metric "prom_sample_counter"');
    expect(result.stderr).toContain('pushed metrics are invalid or inconsistent with existing metrics');
    const samples = await gateway().samples('conflict');
    expect(samples).toMatchObject({ batch_job_success: 1, batch_job_metrics_rejected: 1 });
    expect(samples.batch_job_last_success_timestamp_seconds).toBeGreaterThan(0);
    expect(samples.prom_sample_gauge).toBeUndefined();
    await gateway().wipe();
  });

  test('a sample that carries a grouping label is refused, and both are named', async () => {
    const result = await run('--job', 'clash', '--grouping', 'id=x');
    expect(result.code).toBe(3);
    expect(result.stderr).toContain('metric "prom_sample_labeled_gauge" has the label id="2"');
    expect(result.stderr).toContain('the group has id="x"');
    expect(await gateway().samples('clash')).toMatchObject({
      'batch_job_success{id="x"}': 1,
      'batch_job_metrics_rejected{id="x"}': 1,
    });
    expect((await run('--job', 'clash', '--grouping', 'id=x', '--on-push-failure', 'warn')).code).toBe(0);
  });

  test.each([
    'a/b',
    '/var/tmp',
    '.',
    '..',
    'with space',
    'a+b',
    '100%',
    '%2F',
    '한글',
    'a=b',
    '日本 "x"\\\n',
  ])('the value %j comes back letter for letter, as job and as label', async (value) => {
    const labelled = await run('--job', value, '--grouping', `place=${value}`);
    expect(labelled.code).toBe(0);
    expect(await gateway().groups()).toContainEqual({ job: value, place: value });
  });
});
