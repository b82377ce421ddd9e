import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { writeDurably } from '../../src/files/durable-file.js';
import { runCli } from '../support/cli.js';

let folder: string;
let textfiles: string;
let victim: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'prombatch-hostile-'));
  textfiles = join(folder, 'textfiles');
  mkdirSync(textfiles);
  victim = join(folder, 'victim');
  writeFileSync(victim, 'precious\n', { mode: 0o600 });
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const FILE = 'prom_sample_batch.prom';
const run = (...args: string[]) =>
  runCli(['run', '--interval', '0', '--ticks', '1', '-g', 'none', '--textfile', textfiles, ...args]);
const text = () => readFileSync(join(textfiles, FILE), 'utf8');
const untouched = (): void => {
  expect(readFileSync(victim, 'utf8')).toBe('precious\n');
  expect(statSync(victim).mode & 0o777).toBe(0o600);
};

describe('links that others put where prombatch writes', () => {
  test('the file itself: it is replaced, and what the link names stays', async () => {
    symlinkSync(victim, join(textfiles, FILE));
    const { code, stderr } = await run();
    expect(code).toBe(0);
    expect(stderr).toContain('a damaged textfile was set aside');
    untouched();
    expect(text()).toContain('batch_job_success');
  });

  test('the file that is written beside: its name cannot be foreseen, and no link is followed', async () => {
    const path = join(textfiles, 'a.prom');
    const names = new Set<string>();
    for (let writes = 0; writes < 3; writes++) {
      symlinkSync(victim, `${path}.${process.pid}.tmp`);
      writeDurably(path, `rows ${writes}\n`, 0o644);
      for (const name of readdirSync(textfiles)) names.add(name);
      rmSync(`${path}.${process.pid}.tmp`);
    }
    untouched();
    expect([...names].sort()).toEqual(['a.prom', `a.prom.${process.pid}.tmp`]);
  });

  test('an entry of the spool, and its lock', async () => {
    const spool = join(folder, 'spool');
    const flags = ['-g', '127.0.0.1:1', '--spool', spool, '--push-timeout', '100ms'];
    await runCli(['run', '--interval', '0', ...flags]);
    const [group = ''] = readdirSync(spool, { recursive: true, encoding: 'utf8' }).filter(
      (name) => /job\/|job%2F/.test(name) && !name.endsWith('.json'),
    );
    const at = join(spool, group);
    symlinkSync(victim, join(at, '9999999999999999-1-x.json'));
    rmSync(join(at, 'lock'), { force: true });
    symlinkSync(victim, join(at, 'lock'));
    utimesSync(victim, 0, 0);
    expect((await runCli(['run', '--interval', '0', ...flags])).code).toBe(3);
    untouched();
  });
});

describe('a textfile that was damaged', () => {
  test('a failing run keeps the last success that can still be read, and the old file is set aside', async () => {
    await run();
    const success = /^batch_job_last_success_timestamp_seconds\{.*$/m.exec(text())?.[0];
    expect(success).toBeDefined();
    const damaged = `${text()}rows{ half a li`;
    writeFileSync(join(textfiles, FILE), damaged);
    const { stderr } = await run('--fail-after', '1');
    expect(stderr).toContain(`a damaged textfile was set aside: ${join(textfiles, FILE)}.damaged`);
    expect(text()).toContain(`${success}\n`);
    expect(readFileSync(join(textfiles, `${FILE}.damaged`), 'utf8')).toBe(damaged);
  });

  test('half a number is no number', async () => {
    await run();
    const line = text().indexOf('batch_job_last_success_timestamp_seconds{');
    const cut = text().slice(
      0,
      line + 'batch_job_last_success_timestamp_seconds{batch_job="prom_sample_batch"} 17'.length,
    );
    writeFileSync(join(textfiles, FILE), cut);
    await run('--fail-after', '1');
    expect(text()).not.toContain('batch_job_last_success');
  });
});

test.skipIf(process.getuid?.() !== 0)(
  'root is warned of a folder that others may write to, once a day, whatever the job',
  async () => {
    chmodSync(textfiles, 0o777);
    const first = await run();
    expect(first.stderr).toContain(`${textfiles} can be written to by others than root`);
    expect((await run()).stderr).not.toContain('by others than root');
    expect((await run('--job', 'another')).stderr).not.toContain('by others than root');
    const yesterday = new Date(Date.now() - 86_400_000);
    utimesSync(join(textfiles, '.prombatch-warned'), yesterday, yesterday);
    expect((await run()).stderr).toContain('by others than root');
    chmodSync(textfiles, 0o755);
    rmSync(join(textfiles, '.prombatch-warned'));
    rmSync(join(textfiles, FILE));
    expect((await run()).stderr).not.toContain('by others than root');
    expect(existsSync(join(textfiles, FILE))).toBe(true);
  },
);

test.skipIf(process.getuid?.() !== 0)('a run that writes twice warns once', async () => {
  chmodSync(textfiles, 0o777);
  const job = join(folder, 'taken.mjs');
  writeFileSync(
    job,
    `export default { [Symbol.for('prombatch.job')]: true, name: 'taken', createRegistry: () => ({ metrics: () => 'x{batch_job="a"} 1\\n' }), run() {} };`,
  );
  const { stderr } = await runCli(['run', job, '-g', 'none', '--textfile', textfiles]);
  expect(stderr).toContain('only its outcome was written');
  expect(stderr.split('by others than root')).toHaveLength(2);
});

test('what a killed run left in the folder a day ago is removed by the next, and nothing else', async () => {
  const old = new Date(Date.now() - 90_000_000);
  const left = ['a.prom.0123456789abcdef.tmp', 'b.prom.lock.12-0123456789abcdef', 'c.prom.tmp'];
  for (const name of left) {
    writeFileSync(join(textfiles, name), '');
    utimesSync(join(textfiles, name), old, old);
  }
  await run();
  expect(readdirSync(textfiles).sort()).toEqual(['c.prom.tmp', FILE]);
});
