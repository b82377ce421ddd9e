import { expect, test } from 'vitest';
import { waveAt } from '../../src/job/sample-job.js';
import { runCli, startCli } from '../support/cli.js';
import { answering } from '../support/faulty-server.js';
import { describeOnPushgateways } from '../support/pushgateway.js';
import { waitFor } from '../support/wait-for.js';

describeOnPushgateways('--accumulate', (gateway) => {
  const run = (job: string, ...args: string[]) =>
    runCli(['run', '--accumulate', '--interval', '0', '--job', job, '-g', gateway().url, ...args]);
  const total = (samples: Record<string, number>, name: string) =>
    Object.entries(samples).reduce((sum, [key, value]) => (key.startsWith(name) ? sum + value : sum), 0);

  test('the counter grows run after run, and the gauge carries on the wave', async () => {
    for (let runs = 1; runs <= 5; runs++) {
      expect(await run('grows')).toMatchObject({ code: 0 });
      const samples = await gateway().samples('grows');
      expect(samples.prom_sample_counter).toBe(13 * runs);
      expect(samples.prom_sample_gauge).toBe(waveAt(13 * runs));
      expect(samples['prom_sample_labeled_gauge{id="3"}']).toBe(3 * waveAt(13 * runs));
      expect(total(samples, 'prom_sample_histogram_count')).toBe(13 * runs);
      expect(total(samples, 'prom_sample_summary_count')).toBe(13 * runs);
      expect(total(samples, 'prom_sample_histogram_sum')).toBe(total(samples, 'prom_sample_summary_sum'));
      expect(samples.batch_job_records_processed).toBe(13);
    }
  });

  test('a failed run counts what it did', async () => {
    await run('fails_between');
    await run('fails_between', '--fail-after', '4');
    expect((await gateway().samples('fails_between')).prom_sample_counter).toBe(17);
  });

  test('pushes while the job runs never count twice', async () => {
    await run('often');
    const cli = startCli([
      'run',
      '--accumulate',
      '-g',
      gateway().url,
      '--job',
      'often',
      '--ticks',
      '20',
      '--interval',
      '20ms',
      '--push-interval',
      '30ms',
    ]);
    await waitFor('a count on the way', async () => {
      const { prom_sample_counter: counter = 0 } = await gateway().samples('often');
      return counter > 13 && counter < 33;
    });
    expect((await cli.result).code).toBe(0);
    expect((await gateway().samples('often')).prom_sample_counter).toBe(33);
  });

  test('a command that is pushed while it runs counts once, too', async () => {
    const count = 'printf "# TYPE rows counter\\nrows 1\\n" >> "$PROMBATCH_METRICS_FILE"';
    const exec = (script: string, ...args: string[]) =>
      startCli([
        'exec',
        '-g',
        gateway().url,
        '--job',
        'rows',
        '--accumulate',
        ...args,
        '--',
        'sh',
        '-c',
        script,
      ]);
    const rows = async () => (await gateway().samples('rows')).rows;
    await exec(count).result;
    const cli = exec(`${count}; sleep 60`, '--push-interval', '30ms');
    await waitFor('a count on the way', async () => (await rows()) === 2);
    process.kill(cli.child.pid ?? 0, 'SIGTERM');
    await cli.result;
    expect(await rows()).toBe(2);
  });

  test('a held metric of another type is a clear refusal: the gateway keeps it, and the outcome still goes', async () => {
    await gateway().wipe();
    const held = '# TYPE prom_sample_counter gauge\nprom_sample_counter 5\n';
    await fetch(`${gateway().url}/metrics/job/conflicting`, { method: 'POST', body: held });
    const result = await run('conflicting');
    expect(result.code).toBe(3);
    expect(result.stderr).toContain(
      'metric "prom_sample_counter" is of the type counter, and what is held of that name is of the type gauge',
    );
    expect(await gateway().samples('conflicting')).toMatchObject({
      prom_sample_counter: 5,
      batch_job_success: 1,
      batch_job_metrics_rejected: 1,
    });
    await gateway().wipe();
  });

  test('with --replace it is exit 2', async () => {
    const result = await run('both', '--replace');
    expect(result.code).toBe(2);
    expect(result.stderr).toContain('accumulate: expected it without replace, got both');
  });
});

test('a gateway that cannot be read keeps the job waiting for two seconds at most, and the job begins at 0', async () => {
  const server = await answering({ status: 503 });
  const result = await runCli([
    'run',
    '--accumulate',
    '--interval',
    '0',
    '-g',
    server.address,
    '--push-timeout',
    '1s',
    '--verbose',
  ]);
  expect(result.code).toBe(3);
  expect(result.stderr).toContain('holds was not read before the job');
  expect(result.elapsedMs).toBeLessThan(4000);
  expect(server.requests.some((request) => request.startsWith('GET /api/v1/metrics'))).toBe(true);
  await server.close();
});

test('a command waits for no reading before it runs: it has no use for what is held', async () => {
  const server = await answering({ status: 200, body: '{"status":"success","data":[]}' });
  const target = ['-g', server.address, '--no-spool', '--no-start-push', '--accumulate', '--job', 'a'];
  const script = 'printf "# TYPE rows counter\\nrows 1\\n" >> "$PROMBATCH_METRICS_FILE"';
  expect(await runCli(['exec', ...target, '--', 'sh', '-c', script])).toMatchObject({ code: 0 });
  expect(server.requests.map((request) => request.split(' ')[0])).toEqual(['GET', 'POST']);
  await server.close();
});
