import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { parseFamilies } from '../../src/exposition/parse.js';
import { runCli, startCli } from '../support/cli.js';
import { stalling } from '../support/faulty-server.js';
import { createMark } from '../support/processes.js';
import { describeOnPushgateways } from '../support/pushgateway.js';
import { waitFor } from '../support/wait-for.js';

const folder = mkdtempSync(join(tmpdir(), 'prombatch-schedule-'));
/** A path in a folder of its own: a test runs once for each gateway. */
const fresh = (name: string): string => join(mkdtempSync(join(folder, 'test-')), name);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const EVERY_SECOND = '*/1 * * * * *';

describeOnPushgateways('prombatch schedule', (gateway) => {
  const start = (job: string, args: readonly string[], behind: readonly string[] = []) =>
    startCli([
      'schedule',
      EVERY_SECOND,
      '-g',
      gateway().url,
      '--job',
      job,
      ...args,
      ...(behind.length > 0 ? ['--', ...behind] : []),
    ]);

  test('three runs each second succeed, the counter goes on, and it ends with 0', async () => {
    const { code, stderr } = await start('three', [
      '--max-runs',
      '3',
      '--interval',
      '0',
      '--accumulate',
      '--log-format',
      'json',
    ]).result;
    expect(code).toBe(0);
    expect(await gateway().samples('three')).toMatchObject({
      prom_sample_counter: 39,
      prom_sample_gauge: 1,
      batch_job_success: 1,
    });
    const lines = stderr
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    // One line a run, beside those that say how the schedule is read and when it begins.
    expect(lines.filter(({ status }) => status === 'succeeded')).toHaveLength(3);
    expect(lines.filter(({ message }) => !/^(cron|.* on |.* succeeded)/.test(String(message)))).toEqual([]);
  });

  test('the next success is due at the second next tick, plus what the run took', async () => {
    const { child, result } = start('due', ['--interval', '0']);
    const samples = await waitFor('a success', async () => {
      const held = await gateway().samples('due');
      return held.batch_job_success === 1 ? held : undefined;
    });
    child.kill('SIGTERM');
    await result;
    const completed = samples.batch_job_last_completion_timestamp_seconds ?? 0;
    const due =
      (samples.batch_job_success_due_timestamp_seconds ?? 0) - (samples.batch_job_duration_seconds ?? 0);
    expect(Math.abs(due - Math.round(due))).toBeLessThan(0.002);
    expect(due - completed).toBeGreaterThan(1);
    expect(due - completed).toBeLessThan(3);
  });

  test('a schedule that ends after so many runs expects no further success', async () => {
    await start('ends', ['--max-runs', '1', '--interval', '0']).result;
    expect(await gateway().samples('ends')).not.toHaveProperty('batch_job_success_due_timestamp_seconds');
  });

  test('SIGTERM while a success is pushed to a gateway that does not answer: at most three seconds, and 0', async () => {
    const silent = await stalling();
    const { child, stderr, result } = startCli([
      'schedule',
      EVERY_SECOND,
      '-g',
      silent.address,
      '--interval',
      '0',
      '--grace',
      '30s',
    ]);
    await waitFor('the job to end', () => stderr().includes('succeeded'));
    const asked = performance.now();
    child.kill('SIGTERM');
    expect((await result).code).toBe(0);
    expect(performance.now() - asked).toBeLessThan(5000);
    await silent.close();
  });

  test('a run that takes longer than the interval: ticks are skipped and counted, never two at once', async () => {
    const file = fresh('together');
    writeFileSync(file, '');
    const { code, stderr } = await start(
      'long',
      ['--max-runs', '2'],
      ['sh', '-c', `echo begin >> ${file}; sleep 1.6; echo end >> ${file}`],
    ).result;
    expect(code).toBe(0);
    expect(readFileSync(file, 'utf8')).toBe('begin\nend\nbegin\nend\n');
    expect(stderr).toMatch(/the run of .* was skipped: the one before is not over/);
  });

  test('a run that fails stops nothing; after --max-runs it shows in the exit code', async () => {
    const file = fresh('once');
    const { code } = await start(
      'mixed',
      ['--max-runs', '2'],
      ['sh', '-c', `[ -e ${file} ] || { touch ${file}; exit 7; }`],
    ).result;
    expect(code).toBe(1);
    expect(await gateway().samples('mixed')).toMatchObject({ batch_job_success: 1, batch_job_exit_code: 0 });
  });

  test('each run of a command has its own metrics file, and nothing of the last one', async () => {
    const file = fresh('first');
    await start(
      'fresh',
      ['--max-runs', '2'],
      [
        'sh',
        '-c',
        `[ -e ${file} ] && echo "second 1" >> $PROMBATCH_METRICS_FILE || { touch ${file}; echo "first 1" >> $PROMBATCH_METRICS_FILE; }`,
      ],
    ).result;
    expect(await gateway().samples('fresh')).toMatchObject({ first: 1, second: 1 });
  });

  test('SIGTERM between two runs ends it with 0', async () => {
    const { child, stderr, result } = startCli(['schedule', '0 0 1 1 *', '-g', gateway().url]);
    await waitFor('the schedule to be up', () => stderr().includes('next at'));
    child.kill('SIGTERM');
    expect((await result).code).toBe(0);
  });

  test('SIGTERM during a run: it may end by itself, its outcome is pushed, and no other begins', async () => {
    const { child, stdout, result } = start('graceful', [], ['sh', '-c', 'echo up; sleep 1.5; exit 4']);
    await waitFor('a run to be up', () => stdout().includes('up'));
    child.kill('SIGTERM');
    expect(await result).toMatchObject({ code: 0, stdout: 'up\n' });
    expect((await gateway().samples('graceful')).batch_job_exit_code).toBe(4);
  });

  test('a run that goes on past the grace period is stopped, its outcome pushed, and it ends with 143', async () => {
    const mark = createMark();
    const { child, stdout, result } = startCli(
      [
        'schedule',
        EVERY_SECOND,
        '-g',
        gateway().url,
        '--job',
        'aborted',
        '--grace',
        '300ms',
        '--',
        'sh',
        '-c',
        'echo up; sleep 60',
      ],
      { env: mark.env },
    );
    await waitFor('a run to be up', () => stdout().includes('up'));
    child.kill('SIGTERM');
    expect((await result).code).toBe(143);
    expect(await gateway().samples('aborted')).toMatchObject({
      batch_job_success: 0,
      batch_job_exit_code: 143,
    });
    expect(mark.running()).toEqual([]);
  });

  test('it tells of itself in the text format, and whether it is alive and ready', async () => {
    const { child, stderr, result } = start('pages', ['--interval', '0', '--listen', '127.0.0.1:0']);
    const url = await waitFor('the address', () => /metrics at (http:\S+)\/metrics/.exec(stderr())?.[1]);
    const values = await waitFor('a run', async () => {
      const found = await scrape(url);
      return (
        (found['prombatch_scheduler_runs_total{batch_job="pages",outcome="succeeded"}'] ?? 0) > 0 && found
      );
    });
    const own = '{batch_job="pages"}';
    expect(values).toMatchObject({
      'prombatch_scheduler_runs_total{batch_job="pages",outcome="failed"}': 0,
      [`prombatch_scheduler_missed_runs_total${own}`]: 0,
      [`prombatch_push_failures_total${own}`]: 0,
      [`prombatch_spooled_entries${own}`]: 0,
    });
    for (const name of ['skipped_runs_total', 'running'])
      expect(values).toHaveProperty([`prombatch_scheduler_${name}${own}`]);
    const now = Date.now() / 1000;
    expect(
      Math.abs((values[`prombatch_scheduler_next_run_timestamp_seconds${own}`] ?? 0) - now),
    ).toBeLessThan(10);
    expect(Math.abs((values[`prombatch_last_delivery_timestamp_seconds${own}`] ?? 0) - now)).toBeLessThan(10);
    expect(Object.keys(values).some((name) => name.startsWith('prombatch_build_info{'))).toBe(true);
    expect(values.process_cpu_seconds_total).toBeGreaterThan(0);
    expect(values.nodejs_heap_size_total_bytes).toBeGreaterThan(0);
    for (const [path, status] of [
      ['/healthz', 200],
      ['/readyz', 200],
      ['/', 404],
    ] as const) {
      expect((await fetch(url + path)).status, path).toBe(status);
    }
    expect((await fetch(`${url}/metrics`, { method: 'POST' })).status).toBe(405);
    child.kill('SIGTERM');
    expect((await result).code).toBe(0);
  });

  test('while it waits for the last run it is not ready any more', async () => {
    const { child, stderr, stdout, result } = start(
      'unready',
      ['--listen', '127.0.0.1:0'],
      ['sh', '-c', 'echo up; sleep 1'],
    );
    const url = await waitFor('the address', () => /metrics at (http:\S+)\/metrics/.exec(stderr())?.[1]);
    await waitFor('a run to be up', () => stdout().includes('up'));
    child.kill('SIGTERM');
    await waitFor('the pages to say so', async () => (await fetch(`${url}/readyz`)).status === 503);
    expect((await fetch(`${url}/healthz`)).status).toBe(200);
    await result;
  });

  test('what waits in the spool is counted by job: what other jobs left there is not this one’s', async () => {
    const spool = fresh('spool');
    const gone = ['-g', 'http://127.0.0.1:1', '--push-timeout', '200ms', '--spool', spool, '--interval', '0'];
    await runCli(['run', '--job', 'another', ...gone]);
    const { child, stderr, result } = startCli([
      'schedule',
      EVERY_SECOND,
      '--job',
      'mine',
      ...gone,
      '--listen',
      '127.0.0.1:0',
    ]);
    const url = await waitFor('the address', () => /metrics at (http:\S+)\/metrics/.exec(stderr())?.[1]);
    expect((await scrape(url))['prombatch_spooled_entries{batch_job="mine"}']).toBe(0);
    await waitFor(
      'one that waits',
      async () => (await scrape(url))['prombatch_spooled_entries{batch_job="mine"}'] === 1,
    );
    child.kill('SIGTERM');
    await result;
  });

  test('a gateway that is away is a push failure, kept in the spool and told; the schedule goes on', async () => {
    const { code, stderr } = await runCli([
      'schedule',
      EVERY_SECOND,
      '-g',
      'http://127.0.0.1:1',
      '--push-timeout',
      '200ms',
      '--max-runs',
      '2',
      '--interval',
      '0',
      '--job',
      'away',
    ]);
    expect(code).toBe(0);
    expect(stderr.match(/kept in the spool/g)).toHaveLength(2);
    const strict = await runCli([
      'schedule',
      EVERY_SECOND,
      '-g',
      'http://127.0.0.1:1',
      '--push-timeout',
      '200ms',
      '--max-runs',
      '1',
      '--interval',
      '0',
      '--on-push-failure',
      'fail',
    ]);
    expect(strict.code).toBe(3);
  });
});

async function scrape(url: string): Promise<Record<string, number>> {
  const response = await fetch(`${url}/metrics`);
  expect(response.headers.get('content-type')).toContain('version=0.0.4');
  const families = parseFamilies(await response.text());
  return Object.fromEntries(
    families
      .flatMap(({ samples }) => samples)
      .map(({ name, labels, value }) => [
        name +
          (labels.length > 0 ? `{${labels.map(([label, text]) => `${label}="${text}"`).join(',')}}` : ''),
        value,
      ]),
  );
}

test.each([
  [['schedule'], "missing required argument 'cron'"],
  [['schedule', '61 * * * *'], 'cron: expected minutes from 0 to 59, got "61" in "61 * * * *"'],
  [['schedule', '* 8-24 * * *'], 'cron: expected hours from 0 to 23, got "8-24" in "* 8-24 * * *"'],
  [['schedule', '* * 0 * *'], 'cron: expected days of the month from 1 to 31, got "0"'],
  [['schedule', '* * * foo *'], 'cron: expected months from 1 to 12 or jan to dec, got "foo"'],
  [['schedule', '* * * * 8'], 'cron: expected days of the week from 0 to 7 or sun to sat, got "8"'],
  [['schedule', '60 * * * * *'], 'cron: expected seconds from 0 to 59, got "60"'],
  [['schedule', '0 0 31 2 *'], 'cron: expected a time that comes, got "0 0 31 2 *"'],
  [
    ['schedule', '*', '*', '*', '*', '*'],
    '  hint: quote the expression, or the shell puts file names for each *',
  ],
  [['schedule', '* * * *'], 'cron: expected five fields'],
  [['schedule', '@never'], 'cron: expected five fields'],
  [['schedule', '0 0 13 * 5L'], 'cron: expected a time that comes'],
  [['schedule', '@daily', '--timezone', 'Mars/Olympus'], '--timezone: expected an IANA time zone'],
  [['schedule', '@daily', '--max-runs', '0'], '--max-runs: expected a whole number of runs, 1 or more'],
  [['schedule', '@daily', '--', 'sh', '-c', 'x'], '--job: expected a name'],
  [['schedule', '@daily', '--'], 'expected a command to run'],
  [['schedule', '@daily', 'job.js', '--', 'true'], 'expected a module or a command behind --, got both'],
  [['schedule', '@daily', '--listen', '127.0.0.1:1x'], '--listen: expected host:port'],
  [['schedule', '@daily', '--listen', '192.0.2.1:80'], '--listen: cannot listen on 192.0.2.1:80'],
  [['schedule', '@daily', '--ticks', '3', '--', 'true'], '--ticks: expected no command with it'],
  [['schedule', '@daily', './no-such.js'], 'there is no ./no-such.js'],
  [['schedule', '@daily', '--expected-interval', 'bogus'], 'expected-interval: expected a duration'],
  [['schedule', '@daily', '--grouping', 'job=x'], 'job'],
  [['schedule', '@daily', '--replace', '--accumulate'], 'accumulate: expected it without replace'],
  [['schedule', '@daily', '--http-config-file', '/no/file', '--on-push-failure', 'fail'], 'http-config-file'],
  [
    ['schedule', '@daily', '--run-on-start', '--listen', '192.0.2.1:80', '--', 'touch', '/tmp/never'],
    'cannot listen',
  ],
])('%j is refused with exit 2, and nothing is run', async (args, message) => {
  const { code, stderr } = await runCli(args);
  expect(stderr).toContain(message);
  expect(code).toBe(2);
});

test('what others read otherwise is warned of by name', async () => {
  const { stderr } = await runCli(['schedule', '* * 13 * 5', '--listen', '192.0.2.1:80']);
  expect(stderr).toContain('warning: cron: days: node-cron runs if "13" and "5" both match');
});
