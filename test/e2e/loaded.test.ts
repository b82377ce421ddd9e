import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { CLI, type CliOptions, runCli } from '../support/cli.js';
import { answering, type FaultyServer } from '../support/faulty-server.js';

const LIST = fileURLToPath(new URL('../support/list-loaded.cjs', import.meta.url));
const FLOOR = fileURLToPath(new URL('../../bench/programs/floor.cjs', import.meta.url));

interface Loaded {
  readonly builtins: readonly string[];
  /** Below `dist`, without what keeps their names apart. */
  readonly files: readonly string[];
}

let gateway: FaultyServer;
beforeAll(async () => {
  gateway = await answering({ status: 200 });
});
afterAll(() => gateway.close());

/** What a command loads, or another program by `options`. */
async function loadedBy(args: readonly string[], options: CliOptions = {}): Promise<Loaded> {
  const log = join(mkdtempSync(join(tmpdir(), 'loaded-')), 'loaded.json');
  const { code, stderr } = await runCli(args, {
    ...options,
    nodeArgs: ['-r', LIST],
    env: { LOADED_LOG: log },
  });
  expect(code, stderr).toBe(0);
  const { builtins, files } = JSON.parse(readFileSync(log, 'utf8')) as Loaded;
  const names = files.map((file) => relative(join(CLI, '..'), file).replace(/-[A-Z0-9]{8}(?=\.cjs$)/, ''));
  return { builtins, files: names.sort() };
}

/** What two pushes, with a command between them, cannot be made without. */
async function loadedByFloor(...command: string[]): Promise<readonly string[]> {
  const [host = '', port = ''] = gateway.address.split(':');
  const { builtins } = await loadedBy([host, port, ...command], { cli: FLOOR });
  expect(builtins).toContain('http');
  return builtins;
}

const beyond = (floor: readonly string[], { builtins }: Loaded) =>
  builtins.filter((name) => !floor.includes(name));

test('--version loads one file, and nothing of Node beside what Node begins with', async () => {
  expect(await loadedBy(['--version'])).toEqual({ builtins: [], files: ['prombatch.cjs'] });
});

test('run loads its own file and what records metrics, and of Node hardly more than its pushes take', async () => {
  const loaded = await loadedBy(['run', '--ticks', '1', '-g', gateway.address, '--no-spool']);
  expect(loaded.files).toEqual(['parts/prom-client.cjs', 'parts/run.cjs', 'prombatch.cjs']);
  expect(beyond(await loadedByFloor(), loaded)).toEqual(['os', 'timers/promises', 'tty']);
});

test('run by remote write alone loads this road beside, and of Node no more than by a gateway', async () => {
  const loaded = await loadedBy(['run', '--ticks', '1', '--remote-write', `http://${gateway.address}/write`]);
  expect(new Set(loaded.files)).toEqual(
    new Set([
      'parts/prom-client.cjs',
      'parts/run-chunk.cjs',
      'parts/run-remote-write.cjs',
      'parts/run.cjs',
      'prombatch.cjs',
    ]),
  );
  expect(beyond(await loadedByFloor(), loaded)).toEqual(['os', 'timers/promises', 'tty']);
});

test('exec loads its own file alone, and of Node hardly more than its pushes and the command take', async () => {
  const loaded = await loadedBy(['exec', '-g', gateway.address, '--no-spool', '--', 'true']);
  expect(loaded.files).toEqual(['parts/exec.cjs', 'prombatch.cjs']);
  expect(beyond(await loadedByFloor('true'), loaded)).toEqual(['os', 'timers/promises', 'tty']);
});

test('the spool, which a run has by default, adds no file and nothing of Node', async () => {
  const flags = ['run', '--ticks', '1', '-g', gateway.address];
  expect(await loadedBy(flags)).toEqual(await loadedBy([...flags, '--no-spool']));
});

test('help loads what it shows: the options of the command that it is about', async () => {
  const { files, builtins } = await loadedBy(['--help']);
  expect(builtins).not.toContain('child_process');
  expect(files).toEqual([
    'parts/commander.cjs',
    'parts/help-full-command-line.cjs',
    'parts/help.cjs',
    'prombatch.cjs',
  ]);
  expect((await loadedBy(['help', 'flush'])).files).toEqual([
    'parts/commander.cjs',
    'parts/flush-full-command-line.cjs',
    'parts/flush.cjs',
    'prombatch.cjs',
  ]);
});

test('what names need, and what packs, is loaded for those alone who use it', async () => {
  const named = gateway.address.replace('127.0.0.1', 'localhost');
  const { builtins } = await loadedBy(['run', '--ticks', '1', '-g', named, '--no-spool']);
  expect(builtins).toContain('dns');
  expect(builtins).not.toContain('zlib');
});
