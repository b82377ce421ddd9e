import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type CliResult, startCli } from '../support/cli.js';
import { describeOnPushgateways } from '../support/pushgateway.js';
import { waitFor } from '../support/wait-for.js';

const execute = promisify(execFile);
const project = fileURLToPath(new URL('../..', import.meta.url));

/** An empty folder with the packed tarball installed, as a user has it. */
let folder: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'prombatch-user-'));
  const { stdout } = await execute(
    'npm',
    ['pack', '--ignore-scripts', '--json', '--pack-destination', folder],
    {
      cwd: project,
    },
  );
  const packed: unknown = JSON.parse(stdout);
  const [first] = Object.values(packed as Record<string, { filename: string }>);
  writeFileSync(join(folder, 'package.json'), '{"type":"module","private":true}');
  await execute('npm', ['install', '--no-audit', '--no-fund', join(folder, first?.filename ?? '')], {
    cwd: folder,
  });
}, 180_000);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Runs a module of this source by the installed command. */
async function runModule(name: string, source: string, args: readonly string[]): Promise<CliResult> {
  writeFileSync(join(folder, name), source);
  return startCli(['run', `./${name}`, ...args], {
    cwd: folder,
    cli: join(folder, 'node_modules/.bin/prombatch'),
  }).result;
}

const job = (name: string, body: string) =>
  `import { defineJob } from 'prombatch';\nexport default defineJob({ name: '${name}', ${body} });\n`;

describeOnPushgateways('a job module of a user', (gateway) => {
  const run = (name: string, source: string, ...args: string[]) =>
    runModule(name, source, ['-g', gateway().url, ...args]);

  test('ten lines with a counter, a stage and recordsProcessed', async () => {
    const source = `import { defineJob } from 'prombatch';
import { Counter } from 'prom-client';
export default defineJob({
  name: 'import_orders',
  async run({ registry, stage, progress, log, signal }) {
    const rows = new Counter({ name: 'rows_imported_total', help: 'Rows.', registers: [registry] });
    await stage('load', async () => { for (let i = 1; i <= 5; i++) { rows.inc(); progress(i, 5); } });
    log.info('loaded ' + signal.aborted);
    return { recordsProcessed: 42 };
  } });
`;
    const result = await run('ten.js', source);
    expect(result).toMatchObject({ code: 0, stdout: '' });
    expect(result.stderr).toContain('prombatch: loaded false');
    const samples = await gateway().samples('import_orders');
    expect(samples).toMatchObject({
      rows_imported_total: 5,
      batch_job_records_processed: 42,
      batch_job_success: 1,
    });
    expect(samples['batch_job_stage_duration_seconds{stage="load"}']).toBeGreaterThanOrEqual(0);
  });

  test.each([
    ['throws', `run() { throw new Error('no orders today'); }`, 'no orders today'],
    ['rejects with a text', `run: () => Promise.reject('just a text')`, 'just a text'],
    ['rejects with an object', `run: () => Promise.reject({ reason: 7 })`, '{"reason":7}'],
    ['rejects with nothing', 'run: () => Promise.reject()', 'undefined'],
    [
      'throws outside its promise',
      `run: () => new Promise(() => setTimeout(() => { throw new Error('stray'); }, 5))`,
      'stray',
    ],
    [
      'leaves a rejection unhandled',
      `async run() { Promise.reject(new Error('unheard')); await new Promise((r) => setTimeout(r, 2000)); }`,
      'unheard',
    ],
    [
      'throws a circle',
      `run() { const o = Object.create(null); o.o = o; throw o; }`,
      'a value that cannot be shown (object)',
    ],
    [
      'throws a trap',
      `run() { throw new Proxy({}, { get() { throw new Error('trap'); }, getPrototypeOf() { throw new Error('trap'); } }); }`,
      'a value that cannot be shown',
    ],
    [
      'throws an error whose message throws',
      `run() { throw Object.defineProperty(new Error('x'), 'message', { get() { throw new Error('no'); } }); }`,
      'a value that cannot be shown',
    ],
    ['has a stack that is none', `run() { const e = new Error('odd'); e.stack = 42; throw e; }`, 'odd'],
    [
      'reports by a getter that throws',
      `run: () => ({ get recordsProcessed() { throw new Error('no figure'); } })`,
      'no figure',
    ],
    [
      'cannot make its registry',
      `createRegistry() { throw new Error('no registry'); }, run() {}`,
      'no registry',
    ],
    [
      'can never settle',
      'run: () => new Promise(() => {})',
      'it waits for something that nothing will settle',
    ],
  ])('a job that %s exits 1 with its message, and the outcome is delivered', async (title, body, message) => {
    const name = title.replaceAll(' ', '_');
    const result = await run(`${name}.js`, job(name, body));
    expect(result.code).toBe(1);
    expect(result.stderr).toContain(`${name} failed after`);
    expect(result.stderr).toContain(message);
    expect(await gateway().samples(name)).toMatchObject({ batch_job_success: 0, batch_job_exit_code: 1 });
  });

  test('a job that never settles under --timeout is given up after the grace period', async () => {
    const source = job('never', 'run: () => new Promise(() => setInterval(() => {}, 50))');
    const result = await run('never.js', source, '--timeout', '200ms', '--grace', '100ms');
    expect(result.code).toBe(124);
    expect(result.stderr).toContain('never did not end within its grace period of 100ms');
    expect(await gateway().samples('never')).toMatchObject({
      batch_job_success: 0,
      batch_job_exit_code: 124,
    });
  });

  test('a job that leaves handles open is named after its outcome is delivered, and does not hang the run', async () => {
    const body = `async run() { setInterval(() => {}, 1000); (await import('node:net')).createServer().listen(0); }`;
    const result = await run('open.js', job('open_handles', body));
    expect(result.code).toBe(0);
    expect(result.stderr).toMatch(/pushed to [\s\S]*the job left open: .*1 Timeout/);
    expect(result.stderr).toContain('1 TCPServerWrap');
    expect(await gateway().samples('open_handles')).toMatchObject({ batch_job_success: 1 });
  });

  test('a job that calls process.exit(0) never passes for a success', async () => {
    const result = await run('exits.js', job('exits', 'run() { process.exit(0); }'));
    expect(result.code).toBe(1);
    expect(result.stderr).toContain('the job called process.exit(0)');
  });

  test('what breaks after the end of the job is said, and changes nothing', async () => {
    const body = `run() { setTimeout(() => { throw new Error('too late'); }, 150); }`;
    const result = await run('late.js', job('late_throw', body));
    expect(result.code).toBe(0);
    expect(result.stderr).toContain('after the job had ended: too late');
    expect(await gateway().samples('late_throw')).toMatchObject({ batch_job_success: 1 });
  });

  test.each(['text', 'json'])(
    'the stack of a job that throws is that of the job alone (%s)',
    async (format) => {
      const source = job(
        'deep',
        `async run() { await null; const save = () => { throw new Error('deep'); }; save(); }`,
      );
      const { stderr } = await run('deep.js', source, '--log-format', format);
      expect(stderr).toMatch(/at save \(file:.*deep\.js:2:\d+\)/);
      expect(stderr).not.toContain('prombatch.cjs');
    },
  );

  test('a job of a class, and its exit code', async () => {
    const source = `import { defineJob, JobFailed } from 'prombatch';
class Nightly { name = 'classy'; rows = 7; run() { throw new JobFailed(this.rows + ' rows refused', { exitCode: 42 }); } }
export default defineJob(new Nightly());`;
    const result = await run('class.js', source);
    expect(result.code).toBe(42);
    expect(result.stderr).toContain('classy failed after');
    expect(result.stderr).toContain('7 rows refused');
    expect(result.stderr).not.toContain('    at ');
    expect(await gateway().samples('classy')).toMatchObject({
      batch_job_exit_code: 42,
      batch_job_success: 0,
    });
  });

  test('a collector that blocks the process for longer than the whole budget still leaves time to push', async () => {
    const body = `createRegistry: () => ({ metrics() { const end = Date.now() + 3000; while (Date.now() < end); return ''; } }), run() {}`;
    const result = await run('slow.js', job('slow_collector', body), '--push-timeout', '2s');
    expect(result.code).toBe(0);
    expect(await gateway().samples('slow_collector')).toMatchObject({ batch_job_success: 1 });
  });

  test('logging something that JSON has no form for does not fail the job', async () => {
    const body = `run({ log, progress }) { const o = { n: 1n }; o.o = o; log.info('odd', { n: 1n, o, level: 'fatal' }); progress(1, 10n); }`;
    const result = await run('logs.js', job('odd_logs', body), '--log-format', 'json');
    expect(result.code).toBe(0);
    expect(JSON.parse(result.stderr.split('\n')[0] ?? '')).toMatchObject({
      level: 'info',
      message: 'odd',
      n: '1',
    });
  });

  test('metrics that cannot be collected cost the metrics, not the outcome', async () => {
    const body = `createRegistry: () => ({ metrics: async () => { throw new Error('collector broke'); } }), run() {}`;
    const result = await run('collect.js', job('collect', body));
    expect(result.code).toBe(3);
    expect(result.stderr).toContain('collecting them failed: collector broke');
    expect(await gateway().samples('collect')).toMatchObject({
      batch_job_success: 1,
      batch_job_metrics_rejected: 1,
    });
  });

  test('a job may bring a registry of its own: anything with metrics()', async () => {
    const body = `createRegistry: () => ({ rows: 0, metrics() { return 'own_rows ' + this.rows; } }), run({ registry }) { registry.rows = 7; }`;
    expect((await run('own.js', job('own_registry', body))).code).toBe(0);
    expect(await gateway().samples('own_registry')).toMatchObject({ own_rows: 7 });
  });

  test("a job cannot push the batch pattern's own metrics", async () => {
    const body = `createRegistry: () => ({ metrics: () => 'batch_job_last_success_timestamp_seconds 1' }), run() { throw new Error('x'); }`;
    const result = await run('forged.js', job('forged', body));
    expect(result.code).toBe(1);
    expect(result.stderr).toContain('metric "batch_job_last_success_timestamp_seconds" is one of those');
    const samples = await gateway().samples('forged');
    expect(samples).toMatchObject({ batch_job_success: 0, batch_job_metrics_rejected: 1 });
    expect(samples.batch_job_last_success_timestamp_seconds).toBeUndefined();
  });

  describe('a module that does not load', () => {
    const load = (name: string, source: string, ...args: string[]) =>
      run(`${name}.js`, source, '--job', name, ...args);

    test.each([
      ['syntax', 'export default {', 'does not load: Unexpected end of input'],
      ['import', `import 'not-installed';`, "does not load: Cannot find package 'not-installed'"],
      ['throw', `throw new Error('at load');`, 'does not load: at load'],
      ['no_job', 'export const a = 1;', 'to export a job by default, got no default export'],
      ['settles_never', 'await new Promise(() => {});', 'it waits for something that nothing will settle'],
      [
        'stray_error',
        `setTimeout(() => { throw new Error('stray'); }); await new Promise((r) => setTimeout(r, 5000));`,
        'does not load: stray',
      ],
    ])('is a failed run with exit code 2 where --job says whose: %s', async (name, source, message) => {
      const { code, stdout, stderr } = await load(`load_${name}`, source);
      expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
      expect(stderr).toContain(`load_${name} failed after`);
      expect(stderr).toContain(message);
      expect(stderr).not.toMatch(/^ {4}at /m);
      const samples = await gateway().samples(`load_${name}`);
      expect(samples).toMatchObject({ batch_job_success: 0, batch_job_exit_code: 2 });
      expect(samples).not.toHaveProperty('batch_job_last_success_timestamp_seconds');
    });

    test('a file that is missing is one, too, and a last success stays', async () => {
      const name = 'load_missing';
      const first = await load(name, job('own_name', 'run: () => ({ recordsProcessed: 2 })'));
      expect(first.code).toBe(0);
      const held = await gateway().samples(name);
      expect(held).toMatchObject({ batch_job_success: 1, batch_job_records_processed: 2 });
      rmSync(join(folder, `${name}.js`));
      const args = ['run', `./${name}.js`, '-g', gateway().url, '--job', name];
      const second = await startCli(args, { cwd: folder }).result;
      expect(second.code).toBe(2);
      expect(second.stderr).toContain(`there is no ./${name}.js`);
      expect(await gateway().samples(name)).toMatchObject({
        batch_job_success: 0,
        batch_job_last_success_timestamp_seconds: held.batch_job_last_success_timestamp_seconds,
      });
    });

    test('one that loads for ever ends at --timeout, without a grace period', async () => {
      const source = 'await new Promise(() => setInterval(() => {}, 50));';
      const result = await load('load_slow', source, '--timeout', '200ms', '--grace', '1h');
      expect(result.code).toBe(124);
      expect(await gateway().samples('load_slow')).toMatchObject({ batch_job_exit_code: 124 });
    });

    test('one that is stopped while it loads is pushed as interrupted, without a grace period', async () => {
      const source = `process.stdout.write('loading'); await new Promise(() => setInterval(() => {}, 50));`;
      writeFileSync(join(folder, 'load_stopped.js'), source);
      const args = [
        'run',
        './load_stopped.js',
        '-g',
        gateway().url,
        '--job',
        'load_stopped',
        '--grace',
        '1h',
      ];
      const cli = startCli(args, { cwd: folder });
      await waitFor('the module', () => cli.stdout() === 'loading');
      cli.child.kill('SIGTERM');
      expect((await cli.result).code).toBe(143);
      expect(await gateway().samples('load_stopped')).toMatchObject({ batch_job_exit_code: 143 });
    });

    test('what to do about it is said', async () => {
      const { stderr } = await load('load_hint', 'export default {');
      expect(stderr).toContain('\n  hint: node --check ./load_hint.js shows the place\n');
    });

    test('a module that loads has its own registry and metrics, with --job as without', async () => {
      const body = `createRegistry: () => ({ rows: 0, metrics() { return 'own_rows ' + this.rows; } }), run({ registry }) { registry.rows = 7; }`;
      expect((await load('load_own', job('own_name', body))).code).toBe(0);
      expect(await gateway().samples('load_own')).toMatchObject({ own_rows: 7, batch_job_success: 1 });
    });
  });

  test('runJob gives the same from code, and does not end the process', async () => {
    const source = `import { defineJob, runJob } from 'prombatch';
const result = await runJob(defineJob({ name: 'from_code', run: () => ({ recordsProcessed: 3 }) }), { gateway: '${gateway().url}' });
console.log(JSON.stringify([result.outcome.status, result.delivery.status, result.exitCode]));
const failed = await runJob(defineJob({ name: 'from_code', run() { throw new Error('no'); } }), { gateway: '${gateway().url}' });
console.log(JSON.stringify([failed.outcome.status, failed.outcome.error.message, failed.exitCode]));
`;
    writeFileSync(join(folder, 'code.js'), source);
    const { stdout } = await execute(process.execPath, ['code.js'], { cwd: folder });
    expect(stdout).toBe('["succeeded","delivered",0]\n["failed","no",1]\n');
    const samples = await gateway().samples('from_code');
    expect(samples).toMatchObject({ batch_job_success: 0 });
    expect(samples.batch_job_last_success_timestamp_seconds).toBeGreaterThan(0);
  });
});

describe('a module that holds no job is exit 2 and one line', () => {
  test.each([
    [
      'syntax.js',
      'export default {',
      /module: \.\/syntax\.js does not load: Unexpected end of input; nothing was pushed: without --job nothing says whose/,
    ],
    [
      'import.js',
      `import 'not-installed';`,
      /module: \.\/import\.js does not load: Cannot find package 'not-installed'/,
    ],
    [
      'throws.js',
      `throw new Error('at load');`,
      /module: \.\/throws\.js does not load: at load \(.*throws\.js:1:7\)/,
    ],
    ['empty.js', '', /module: expected \.\/empty\.js to export a job by default, got no default export/],
    ['plain.js', 'export default { run() {} };', /got a default export that is none/],
    [
      'never.js',
      'await new Promise(() => {});',
      /ended before a job began, and nothing was pushed: the module called process\.exit, or waits/,
    ],
    ['exits.js', 'process.exit(0);', /ended before a job began/],
    [
      'nameless.js',
      `import { defineJob } from 'prombatch';\nexport default defineJob({ run() {} });`,
      /defineJob: expected a name for the job/,
    ],
  ])('%s', async (name, source, message) => {
    const { code, stdout, stderr } = await runModule(name, source, ['-g', 'none']);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    const [first = '', ...rest] = stderr.trimEnd().split('\n');
    expect(first).toMatch(message);
    expect(rest.filter((line) => !line.startsWith('  hint: '))).toEqual([]);
  });

  test('a schedule with one does not start, and says that nothing was pushed', async () => {
    writeFileSync(join(folder, 'broken.js'), 'export default {');
    const args = ['schedule', '* * * * *', './broken.js', '--job', 'a', '-g', 'none'];
    const { code, stderr } = await startCli(args, { cwd: folder }).result;
    expect(code).toBe(2);
    expect(stderr).toContain('Unexpected end of input; nothing was pushed: the schedule does not start');
  });

  test('a CommonJS module may export a job, too', async () => {
    const source = `const { defineJob } = require('prombatch');\nmodule.exports = defineJob({ name: 'common', run() {} });`;
    const result = await runModule(
      'common.cjs',
      `import('prombatch');\n${source.replace(`const { defineJob } = require('prombatch');`, `const defineJob = (job) => ({ ...job, [Symbol.for('prombatch.job')]: true });`)}`,
      ['-g', 'none'],
    );
    expect(result.stderr).toContain('common succeeded');
    expect(result.code).toBe(0);
  });
});

test('the types of the package hold for a user', async () => {
  writeFileSync(
    join(folder, 'typed.ts'),
    `import { Counter } from 'prom-client';
import { defineJob, pushMetrics, runJob, type RunJobOptions, type RunResult } from 'prombatch';
const job = defineJob({
  name: 'typed',
  async run({ registry, signal, stage, progress, log }) {
    new Counter({ name: 'a', help: 'a', registers: [registry] }).inc();
    const rows: number = await stage('x', () => 4);
    progress(rows); log.info(String(signal.aborted));
    return { recordsProcessed: rows };
  },
});
export const result: Promise<RunResult> = runJob(job, { gateway: 'none' });
const main: () => Promise<void> = async () => {};
defineJob({ name: 'returns_nothing', run: main });
defineJob({ name: 'returns_nothing', async run() {} });
defineJob({ name: 'returns_nothing', run: (): void => {} });
const apart: RunJobOptions = { env: {}, spool: false, grouping: { shard: '1' } };
runJob(job, apart);
pushMetrics({ metrics: () => '' }, { job: 'a', env: { PUSHGATEWAY_URL: undefined } });
// @ts-expect-error there is no such option
runJob(job, { timeout: 5 });
// @ts-expect-error a push needs a job
pushMetrics({ metrics: () => '' }, {});
// @ts-expect-error a job has a name
defineJob({ run() {} });
// @ts-expect-error a count is a number
defineJob({ name: 'x', run: () => ({ recordsProcessed: 'many' }) });
`,
  );
  const tsc = join(project, 'node_modules/.bin/tsc');
  const flags = [
    '--noEmit',
    '--strict',
    '--module',
    'nodenext',
    '--target',
    'es2022',
    '--types',
    '',
    'typed.ts',
  ];
  const { stdout } = await execute(tsc, flags, { cwd: folder }).catch((error) => error);
  expect(stdout).toBe('');
});
