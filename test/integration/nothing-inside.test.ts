import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { describeGroup } from '../../src/gateway/describe.js';
import { openGateway, type RunningGateway } from '../../src/gateway/gateway.js';
import { runCli } from '../support/cli.js';
import { type FaultProxy, startFaultProxy } from '../support/fault-proxy.js';
import { buildVariant } from '../support/variant.js';

// Nothing inside delivery decides the exit code: each of these once ended a healthy job with exit code 70.

let folder: string;
let spool: string;
let gateway: RunningGateway;
let proxy: FaultProxy;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'prombatch-inside-'));
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
const files = (pattern: RegExp): string[] =>
  existsSync(spool)
    ? readdirSync(spool, { recursive: true, encoding: 'utf8' })
        .filter((name) => pattern.test(name))
        .map((name) => join(spool, name))
        .sort()
    : [];
const WAITING = /^[^/]+\/[^/]+\/\d{16}-[^/]*\.json$/;
const target = (): string[] => ['-g', proxy.address, '--spool', spool];
const flush = () => runCli(['flush', ...target()]);

/** Runs a job whose metrics are this text. */
function run(metrics: string, ...args: string[]) {
  const path = join(folder, 'job.mjs');
  writeFileSync(
    path,
    `export default { [Symbol.for('prombatch.job')]: true, name: 'job', createRegistry: () => ({ metrics: () => ${JSON.stringify(metrics)} }), run() {} };`,
  );
  return runCli(['run', path, ...target(), ...args]);
}

describe('with --accumulate, own metrics that cannot be read cost only themselves', () => {
  test.each([
    ['a number beyond what a float holds', 'rows 1e400\n', 'expected a number as value, got "1e400"'],
    ['a hexadecimal number', 'rows 0x10\n', 'got "0x10"'],
    ['a number with underscores', 'rows 1_000\n', 'got "1_000"'],
    ['a second TYPE line', '# TYPE rows counter\nrows 1\n# TYPE rows counter\n', 'second TYPE line'],
    ['an exemplar', '# TYPE rows counter\nrows_total 1 # {trace="a"} 1\n', 'line 2'],
    ['a quoted name', '{"rows.read",a="b"} 1\n', 'line 1'],
  ])('%s', async (_, metrics, problem) => {
    // Once while the group can be read before the job, and once while it cannot.
    for (const weather of ['up', 'answering 500'] as const) {
      proxy.set(weather, 1);
      const result = await run(metrics, '--accumulate');
      expect(result.code).toBe(3);
      expect(result.stderr).toContain('only its outcome was pushed');
      expect(result.stderr).toContain(problem);
      expect(samples()).toMatchObject({ batch_job_success: 1, batch_job_metrics_rejected: 1 });
      expect(files(WAITING)).toEqual([]);
    }
    const kept = files(/rejected\/\d+[^/]*\.json$/);
    expect(kept).toHaveLength(2);
    expect(JSON.parse(readFileSync(kept[0] ?? '', 'utf8')).entry.own).toBe(metrics);
    expect(readFileSync(`${kept[0]}.reason`, 'utf8')).toContain(problem);
  });

  test('and with --no-spool nothing of them is kept', async () => {
    const path = join(folder, 'job.mjs');
    await run('rows 0x10\n');
    rmSync(spool, { recursive: true });
    const result = await runCli(['run', path, '-g', proxy.address, '--accumulate', '--no-spool']);
    expect(result.code).toBe(3);
    expect(samples()).toMatchObject({ batch_job_success: 1, batch_job_metrics_rejected: 1 });
    expect(existsSync(spool)).toBe(false);
  });
});

describe('a secret in a file that no header can carry is an error in the configuration', () => {
  test.each(['s3cret\nof two lines', 's3cret\u0007', 's3cret\u0000'])('%j', async (secret) => {
    writeFileSync(join(folder, 'token'), secret);
    const config = join(folder, 'http.yml');
    writeFileSync(config, 'authorization:\n  credentials_file: token\n');
    const flags = ['--http-config-file', config, '--no-spool', '-g', proxy.address];
    const failed = await runCli(['run', '--interval', '0', ...flags]);
    expect(failed.code).toBe(2);
    expect(failed.stderr).toContain('authorization: a value has characters that no header can have');
    expect(failed.stderr).not.toContain('s3cret');
    const { code, stderr } = await runCli(['exec', '--job', 'j', ...flags, '--', 'sh', '-c', 'exit 7']);
    expect(code).toBe(7);
    expect(stderr.match(/no header can have/g)).toHaveLength(1);
  });
});

describe('an entry of the spool that is damaged is set aside, counted, and blocks nothing', () => {
  const DAMAGE: readonly (readonly [string, (text: string) => string])[] = [
    ['cut short', (text) => text.slice(0, text.length / 2)],
    ['empty', () => ''],
    ['null', () => 'null'],
    ['without a key', (text) => text.replace('"key"', '"kay"')],
    ['without a job', (text) => text.replace('"job"', '"jab"')],
    ['of an empty job', (text) => text.replace('"job":"job"', '"job":""')],
    ['of another group', (text) => text.replace('"job":"job"', '"job":"jab"')],
    ['without a start', (text) => text.replace(/"startedAtMs":[\d.]+/, '"startedAtMs":"soon"')],
    [
      'with a bad outcome',
      (text) => text.replace('# TYPE batch_job_success gauge', '# TYPE batch_job_success gouge'),
    ],
    ['with a grouping that is no list', (text) => text.replace('"grouping":[]', '"grouping":7')],
    ['with bad counts', (text) => text.replace('# TYPE rows counter', '# TYPE rows cuonter')],
  ];

  test.each(DAMAGE)('%s', async (_, damage) => {
    proxy.set('down', 1000);
    const counter = '# TYPE rows counter\nrows 1\n';
    await run(counter, '--accumulate', '--push-timeout', '100ms');
    const [first = ''] = files(WAITING);
    writeFileSync(first, damage(readFileSync(first, 'utf8')));
    proxy.set('up', 0);
    const copy = join(folder, 'copy');
    writeFileSync(copy, readFileSync(first));

    const next = await run(counter, '--accumulate');
    expect(next.code).toBe(0);
    expect(next.stderr.match(/a damaged entry of the spool was set aside/g)).toHaveLength(1);
    expect(gateway.groups()).toHaveLength(1);
    expect(samples()).toMatchObject({ rows: 1, batch_job_success: 1 });
    expect(readFileSync(files(/\.damaged\.reason$/)[0] ?? '', 'utf8')).not.toBe('');

    writeFileSync(first, readFileSync(copy));
    const flushed = await flush();
    expect(flushed.code).toBe(1);
    expect(flushed.stdout).toContain('0 sent, 1 refused and set aside, 0 still waiting');
    expect(files(WAITING)).toEqual([]);
  });

  test('one of a later format waits, is counted, and blocks neither a start nor what comes after it', async () => {
    proxy.set('down', 1000);
    await run('rows 1\n', '--push-timeout', '100ms');
    const [entry = ''] = files(WAITING);
    writeFileSync(entry, readFileSync(entry, 'utf8').replace('"format":1', '"format":2'));
    proxy.set('up', 0);
    const result = await run('# TYPE counts counter\ncounts 2\n', '--accumulate');
    expect(result.code).toBe(0);
    expect(result.stderr).toContain('is of a later version of prombatch and was left');
    expect(samples()).toMatchObject({ counts: 2, batch_job_success: 1 });
    const flushed = await flush();
    expect(flushed).toMatchObject({ code: 1, stdout: expect.stringContaining('1 still waiting') });
    expect(files(WAITING)).toEqual([entry]);
  });
});

describe('a spool that breaks while an entry is sent', () => {
  /** The command with the spool's folder made unusable as soon as the entry's lock is taken. */
  const broken = (what: string) =>
    buildVariant(
      'delivery/spool/flush-group.ts',
      '  const { folder } = options;\n',
      `  const { folder } = options;\n  ${what}\n`,
      join(folder, 'broken.cjs'),
    );
  const THROWS = `folder.${'remove'} = () => { throw Object.assign(new Error('EACCES: permission denied'), { syscall: 'unlink' }); };`;
  const CANNOT_UPDATE = `folder.update = () => { throw Object.assign(new Error('EROFS: read-only file system'), { syscall: 'open' }); };`;

  test('an entry that was delivered and cannot be removed is delivered', async () => {
    const cli = await broken(THROWS);
    const result = await runCli(['run', '--interval', '0', ...target()], { cli });
    expect(result.code).toBe(0);
    expect(result.stderr).toContain('EACCES');
    expect(result.stderr).toContain('pushed to http');
    expect((await flush()).code).toBe(0);
  });

  test.each([
    [
      'exec',
      ['exec', '--job', 'job'],
      ['--', 'sh', '-c', 'printf "# TYPE rows counter\\nrows 2\\n" >> "$PROMBATCH_METRICS_FILE"; exit 7'],
      7,
    ],
    ['run', ['run', '--job', 'job', '--interval', '0', '--ticks', '2'], [], 3],
  ] as const)(
    'counts whose base cannot be fixed wait, and the outcome arrives: %s',
    async (_, words, command, code) => {
      const cli = await broken(CANNOT_UPDATE);
      proxy.set('answering 500', 1);
      const flags = [...target(), '--accumulate', '--no-start-push'];
      const result = await runCli([...words, ...flags, ...command], { cli });
      expect(result.code).toBe(code);
      expect(result.stderr).toContain('EROFS');
      expect(samples()).toMatchObject({
        batch_job_exit_code: code === 3 ? 0 : 7,
        batch_job_metrics_rejected: 0,
      });
      expect((await flush()).code).toBe(0);
      expect(samples()).toMatchObject(code === 3 ? { prom_sample_counter: 2 } : { rows: 2 });
      expect(files(WAITING)).toEqual([]);
    },
  );

  test('a folder that only root could write to is one warning', async () => {
    mkdirSync(spool);
    writeFileSync(join(spool, 'file'), '');
    chmodSync(spool, 0o500);
    const result = await runCli([
      'run',
      '--interval',
      '0',
      '-g',
      proxy.address,
      '--spool',
      join(spool, 'file'),
    ]);
    expect(result.code).toBe(0);
    expect(result.stderr.match(/the spool cannot be written/g)).toHaveLength(1);
  });
});
