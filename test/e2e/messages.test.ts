import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, test } from 'vitest';
import { runCli, startCli } from '../support/cli.js';
import { answering, type FaultyServer, refusing, rejecting, stalling } from '../support/faulty-server.js';
import { waitFor } from '../support/wait-for.js';

const folder = mkdtempSync(join(tmpdir(), 'prombatch-messages-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

let server: FaultyServer;
afterEach(() => server?.close());

const SHORT = ['--push-timeout', '300ms'];
const LIBRARY = new URL('../../dist/lib/index.js', import.meta.url).href;

/** A module with a job that does what `body` says. */
function moduleOf(name: string, body: string): string {
  const path = join(folder, `${name}.mjs`);
  const job = `defineJob({ name: '${name}', run: async ({ log, signal }) => { ${body}; } })`;
  writeFileSync(path, `import { defineJob } from '${LIBRARY}';\nexport default ${job};\n`);
  return path;
}

const lines = (stderr: string): string[] => stderr.trimEnd().split('\n');

test('a gateway that is down is one line of mail: what happened, what was kept, what to do', async () => {
  server = await refusing();
  const url = `http://${server.address}`;
  const flags = ['--job', 'nightly', '-g', server.address, ...SHORT];
  const [line = '', ...more] = lines((await runCli(['exec', ...flags, '--', 'true'])).stderr);
  expect(more).toEqual([]);
  expect(line).toMatch(/^prombatch: warning: nightly ran \(exit 0\), but its metrics were not pushed: /);
  expect(line).toContain(`nothing listens at ${url} (ECONNREFUSED)`);
  expect(line).toMatch(/; kept in the spool, sent with the next run or by: prombatch flush -g \S+$/);
  expect(line.endsWith(` -g ${url}`)).toBe(true);
});

test('two targets with one problem are two lines, each of which tells whose it is', async () => {
  server = await answering({ status: 200 });
  const path = join(folder, 'unreadable.mjs');
  writeFileSync(
    path,
    `export default { [Symbol.for('prombatch.job')]: true, name: 'job', createRegistry: () => ({ metrics() { throw new Error('broke'); } }), run() {} };`,
  );
  const { code, stderr } = await runCli(['run', path, '-g', server.address, '--textfile', folder]);
  expect(code).toBe(3);
  expect(lines(stderr).filter((line) => line.includes('only its outcome was'))).toEqual([
    expect.stringContaining(`only its outcome was pushed to http://${server.address}: `),
    expect.stringContaining(`only its outcome was written to ${folder}: `),
  ]);
});

test.each([['--accumulate'], ['--push-interval', '20ms']])(
  'with %s it is one line, too, beside the outcome that run says',
  async (...flags) => {
    server = await refusing();
    const args = ['run', '--ticks', '3', '-g', server.address, ...SHORT, ...flags];
    const [outcome, line, ...more] = lines((await runCli(args)).stderr);
    expect(more).toEqual([]);
    expect(outcome).toMatch(/^prombatch: prom_sample_batch succeeded in /);
    expect(line).toMatch(/^prombatch: error: prom_sample_batch ran \(exit 0\), but its metrics were not /);
  },
);

test('what waits is named with all that flush needs to find it', async () => {
  server = await refusing();
  const spool = join(folder, "it's here");
  const args = ['exec', '-g', `http://me:hunter2@${server.address}/x/`, '--spool', spool, ...SHORT];
  const { stderr } = await runCli([...args, '--', 'true']);
  const command = /prombatch (flush .*)\n/.exec(stderr)?.[1] ?? '';
  expect(command).toBe(`flush -g http://${server.address}/x --spool '${spool.replace("'", "'\\''")}'`);
});

test('where nothing was kept, the line says so and what to do', async () => {
  server = await refusing();
  const args = ['exec', '-g', server.address, '--no-spool', ...SHORT, '--', 'true'];
  const [line, ...more] = lines((await runCli(args)).stderr);
  expect(more).toEqual([]);
  expect(line).toMatch(/; start a Pushgateway .* --gateway or PUSHGATEWAY_URL; nothing was kept$/);
});

test('counts that go on from what cannot be read were not refused, and nobody says so', async () => {
  server = await rejecting(503);
  const args = ['run', '--ticks', '1', '--accumulate', '--no-spool', '-g', server.address, ...SHORT];
  const { stderr } = await runCli(args);
  expect(lines(stderr)).toHaveLength(2);
  expect(stderr).not.toContain('refused');
});

test.each([
  ['rows 1 2 3\n', 'line 1: unexpected text after the timestamp: " 3"'],
  ['rows{batch_job="x"} 1\n', 'metric "rows" has the label batch_job, which the file adds'],
])('metrics that a textfile cannot hold are at fault, and not its folder: %j', async (metrics, problem) => {
  const path = join(folder, 'unfit.mjs');
  const registry = `createRegistry: () => ({ metrics: () => ${JSON.stringify(metrics)} })`;
  const job = `defineJob({ name: 'unfit', ${registry}, async run() {} })`;
  writeFileSync(path, `import { defineJob } from '${LIBRARY}';\nexport default ${job};\n`);
  const { code, stderr } = await runCli(['run', path, '-g', 'none', '--textfile', folder]);
  expect(code).toBe(3);
  expect(lines(stderr).at(-1)).toMatch(/written: the job's own metrics cannot stand in \S+unfit\.prom: /);
  expect(lines(stderr).at(-1)?.endsWith(problem)).toBe(true);
});

test('what trying again cannot mend has its remedy in the line, kept or not', async () => {
  server = await rejecting(401);
  const args = ['exec', '-g', server.address, ...SHORT, '--', 'true'];
  const [line, ...more] = lines((await runCli(args)).stderr);
  expect(more).toEqual([]);
  expect(line).toMatch(/\(401\); check user and password in .*; kept in the spool, /);
});

test('a push that went through in the end says nothing of the tries before, nor of the start push', async () => {
  server = await answering({ status: 503 }, { status: 503 }, { status: 200 });
  const args = ['exec', '-g', server.address, '--', 'true'];
  expect(await runCli(args)).toMatchObject({ code: 0, stderr: '' });
  expect(server.requests).toHaveLength(3);
});

test.each([
  ['the switch', ['--verbose'], {}],
  ['the variable', [], { PROMBATCH_VERBOSE: 'true' }],
  ['--quiet, which it outranks', ['--quiet', '--verbose'], {}],
] as const)('verbose by %s says each try, the start push and the spool', async (_, flags, env) => {
  server = await answering({ status: 503 }, { status: 503, body: 'not yet' }, { status: 200 });
  const gateway = `http://me:hunter2@${server.address}`;
  const { stderr } = await runCli(['exec', '-g', gateway, '--job', 'j', ...flags, '--', 'true'], { env });
  const url = `http://${server.address}/metrics/job/j`;
  expect(stderr).toContain('debug: the start of the run was not pushed: ');
  expect(stderr).toContain('debug: kept in the spool: ');
  expect(stderr).toMatch(new RegExp(`debug: POST ${url}: .*\\(503\\): not yet \\(\\d+ms\\)`));
  expect(stderr).toMatch(/debug: try 1 failed; the next in \d+ms/);
  expect(stderr).toMatch(new RegExp(`debug: POST ${url}: 200 \\(\\d+ms\\)`));
  expect(stderr).toContain('j succeeded in ');
  expect(stderr).not.toMatch(/hunter2|Basic|aHVudGVyMg|bWU6/);
});

test('verbose says what of an earlier run was sent', async () => {
  const later = { status: 503, headers: { 'Retry-After': '100' } };
  server = await answering(later, { status: 400 }, { status: 200 });
  const env = { HOME: folder };
  const args = ['exec', '-g', server.address, '--no-start-push', '--job', 'j'];
  await runCli([...args, '--', 'true'], { env });
  const json = ['--verbose', '--log-format', 'json'];
  const { stderr } = await runCli([...args, ...json, '--', 'true'], { env });
  const said = lines(stderr).map((line) => JSON.parse(line) as { level: string; message: string });
  const sent = said.filter(({ message }) => message.endsWith('of the spool: sent'));
  expect(sent.map(({ level }) => level)).toEqual(['debug']);
});

test('a line of JSON says what kind it is, of which job and group, and at which target', async () => {
  server = await answering({ status: 200 }, { status: 503 }, { status: 200 });
  const job = moduleOf('talks', "log.info('hello')");
  const flags = ['--grouping', 'host=a', '--log-format', 'json', '--verbose', '-g', server.address];
  const { stderr } = await runCli(['run', job, ...flags]);
  const target = `http://${server.address}`;
  const said = lines(stderr).map((line) => JSON.parse(line) as Record<string, unknown>);
  for (const line of said) expect(line).toMatchObject({ job: 'talks', grouping: { host: 'a' } });
  const events = said.map(({ event }) => event);
  expect(events.slice(0, 2)).toEqual(['job_log', 'job_ended']);
  expect(events).toContain('spool_kept');
  expect(said.filter((line) => line.target !== undefined).map((line) => line.target)).toEqual(
    events.slice(2).map(() => target),
  );
  expect(events.slice(-4)).toEqual(['http_request', 'push_retry', 'http_request', 'delivered']);
});

test('a failure is one line of JSON, too, and so is what the process says of its runs', async () => {
  server = await refusing();
  const json = ['--log-format', 'json', '--no-start-push'];
  const { stderr } = await runCli(['exec', ...json, '-g', server.address, ...SHORT, '--', 'false']);
  expect(lines(stderr).map((line) => JSON.parse(line))).toMatchObject([
    { event: 'job_ended', level: 'error', status: 'failed', job: 'false', grouping: {} },
    { event: 'delivery_failed', level: 'warn', job: 'false', target: `http://${server.address}` },
  ]);
  const job = moduleOf('exits', 'process.exit(3)');
  const exits = lines((await runCli(['run', job, ...json, '-g', 'none'])).stderr);
  expect(exits.map((line) => JSON.parse(line))).toMatchObject([
    { event: 'process_exit', job: 'exits', exitCode: 3 },
    { event: 'job_ended', job: 'exits' },
  ]);
});

test.each([
  [1, '1 record\n'],
  [2, '2 records\n'],
])('%i tick is told as %s', async (ticks, said) => {
  expect((await runCli(['run', '-g', 'none', '--ticks', `${ticks}`])).stderr).toMatch(`, ${said}`);
});

describe('a signal is answered at once', () => {
  const forever = () =>
    moduleOf('forever', "log.info('begun'); await new Promise(() => setInterval(() => {}, 1000))");

  test('with how long the job has to end, and that a second ends it', async () => {
    const cli = startCli(['run', forever(), '-g', 'none', '--grace', '1m']);
    await waitFor('the job', () => cli.stderr().includes('begun'));
    cli.child.kill('SIGINT');
    await waitFor('the answer', () =>
      cli
        .stderr()
        .includes('SIGINT: stopping forever, which has 1m to end; a second signal ends it at once\n'),
    );
    cli.child.kill('SIGTERM');
    expect((await cli.result).code).toBe(143);
  });

  test('a command gets a second one, too', async () => {
    const script = 'trap "exit 9" TERM; trap "" INT; echo ready; while :; do sleep 0.05; done';
    const json = ['--log-format', 'json', '-g', 'none', '--grace', '1m', '--job', 'j'];
    const cli = startCli(['exec', ...json, '--', 'sh', '-c', script]);
    await waitFor('the command', () => cli.stdout().includes('ready'));
    cli.child.kill('SIGINT');
    await waitFor('the answer', () => cli.stderr().includes('job_stopping'));
    expect(JSON.parse(lines(cli.stderr())[0] ?? '')).toMatchObject({
      event: 'job_stopping',
      job: 'j',
      graceMs: 60_000,
      message: 'SIGINT: stopping j, which has 1m to end; a second signal is passed on to it',
    });
    cli.child.kill('SIGTERM');
    expect((await cli.result).code).toBe(9);
  });

  test('in a schedule', async () => {
    const cli = startCli(['schedule', '@yearly', forever(), '--run-on-start', '-g', 'none', '--grace', '1m']);
    await waitFor('the job', () => cli.stderr().includes('begun'));
    cli.child.kill('SIGINT');
    await waitFor('the answer', () =>
      cli
        .stderr()
        .includes('no new runs; the one under way has 1m to end; a second signal ends it at once\n'),
    );
    cli.child.kill('SIGTERM');
    await cli.result;
  });

  test.each([
    ['run', []],
    ['schedule', ['@yearly', '--run-on-start']],
  ])('while the outcome is delivered, with how long that has: %s', async (command, words) => {
    server = await stalling();
    const flags = ['-g', server.address, '--no-start-push', '--push-timeout', '1m'];
    const cli = startCli([command, ...words, ...flags]);
    await waitFor('the push', () => server.requests.length > 0);
    cli.child.kill('SIGINT');
    await waitFor('the answer', () =>
      /SIGINT: the job has ended, and .* has 3s to be del/.test(cli.stderr()),
    );
    cli.child.kill('SIGTERM');
    await cli.result;
  });
});
