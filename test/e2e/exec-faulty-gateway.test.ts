import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, expect, test } from 'vitest';
import { runCli } from '../support/cli.js';
import {
  answering,
  dripping,
  type FaultyServer,
  redirecting,
  refusing,
  rejecting,
  stalling,
} from '../support/faulty-server.js';

const folder = mkdtempSync(join(tmpdir(), 'prombatch-exec-faults-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const noise = randomBytes(2 ** 20);
writeFileSync(join(folder, 'noise'), noise);

let servers: FaultyServer[] = [];
afterEach(async () => {
  for (const server of servers) await server.close();
  servers = [];
});

async function open(start: () => Promise<FaultyServer>): Promise<string> {
  const server = await start();
  servers.push(server);
  return server.address;
}

const pipe = join(folder, 'pipe');
execFileSync('mkfifo', [pipe]);

const PUSH_TIMEOUT_MS = 1000;
/** Says when it began and ended, in milliseconds since the epoch. */
const CLOCK = ['sh', '-c', 'date +%s%3N; exit 7'];

async function runClock(
  flags: readonly string[],
): Promise<{ code: number | null; startMs: number; endMs: number }> {
  const begun = Date.now();
  const { code, stdout } = await runCli([
    'exec',
    '--job',
    'clock',
    '--push-timeout',
    `${PUSH_TIMEOUT_MS}ms`,
    ...flags,
    '--',
    ...CLOCK,
  ]);
  const commandMs = Number(stdout);
  return { code, startMs: commandMs - begun, endMs: Date.now() - commandMs };
}

const FAULTS: readonly (readonly [string, () => Promise<FaultyServer>])[] = [
  ['refuses connections', refusing],
  ['never answers', stalling],
  ['drips one byte a second', dripping],
  ['redirects', () => redirecting(301, 'http://elsewhere.invalid/')],
  ['answers 400', () => rejecting(400, 'no')],
  ['answers 503', () => rejecting(503)],
];

test.each(FAULTS)(
  'a gateway that %s neither delays the start nor changes the exit code',
  async (_, start) => {
    const healthy = await open(() => answering({ status: 200 }));
    const faulty = await open(start);
    const fastest = {
      healthyStart: Infinity,
      faultyStart: Infinity,
      healthyEnd: Infinity,
      faultyEnd: Infinity,
    };
    for (let round = 0; round < 3; round++) {
      const good = await runClock(['-g', healthy]);
      const bad = await runClock(['-g', faulty]);
      expect([good.code, bad.code]).toEqual([7, 7]);
      // The fastest of each, since a busy machine can only add to it.
      fastest.healthyStart = Math.min(fastest.healthyStart, good.startMs);
      fastest.faultyStart = Math.min(fastest.faultyStart, bad.startMs);
      fastest.healthyEnd = Math.min(fastest.healthyEnd, good.endMs);
      fastest.faultyEnd = Math.min(fastest.faultyEnd, bad.endMs);
    }
    // A start that waited for its push would wait for most of the push timeout.
    expect(fastest.faultyStart - fastest.healthyStart).toBeLessThan(PUSH_TIMEOUT_MS / 2);
    expect(fastest.faultyEnd - fastest.healthyEnd).toBeLessThan(PUSH_TIMEOUT_MS + 500);
  },
);

test.each([
  ['a malformed address', ['-g', 'http://:::'], /its metrics were not pushed/],
  ['an http config file that is not there', ['--http-config-file', '/no/such/file'], /http-config-file/],
  [
    'an http config file that is a folder',
    ['--http-config-file', '/etc'],
    /expected a regular file, got a folder/,
  ],
  ['an http config file that is a pipe', ['--http-config-file', pipe], /expected a regular file, got a pipe/],
])('%s is a warning: the command runs, and its exit code stands', async (_, flags, message) => {
  const { code, stdout, stderr } = await runCli([
    'exec',
    ...flags,
    '--no-spool',
    '--',
    'sh',
    join(folder, 'script'),
  ]);
  expect({ code, stdout }).toEqual({ code: 7, stdout: 'it ran\n' });
  expect(stderr).toContain('warning: ');
  expect(stderr).toMatch(message);
});
writeFileSync(join(folder, 'script'), 'echo it ran\nexit 7\n');

test('with --on-push-failure fail, a success that was not delivered is exit 3', async () => {
  const flags = ['-g', await open(refusing), '--push-timeout', '200ms', '--on-push-failure', 'fail'];
  expect((await runCli(['exec', ...flags, '--', 'true'])).code).toBe(3);
  expect((await runCli(['exec', ...flags, '--', 'sh', join(folder, 'script')])).code).toBe(7);
});

test('a warning while the command runs does not break what the command writes to the same pipe', async () => {
  const { code, stderr } = await runCli([
    'exec',
    '-g',
    await open(refusing),
    '--push-timeout',
    '100ms',
    '--no-spool',
    '--push-interval',
    '50ms',
    '--verbose',
    '--',
    'sh',
    join(folder, 'writer'),
    folder,
  ]);
  expect(code).toBe(0);
  const lines = stderr.split('\n');
  expect(stderr).toContain('debug: the metrics of the running job were not pushed');
  expect(lines.filter((line) => line === 'x'.repeat(99)).length).toBe(20_000);
});
writeFileSync(
  join(folder, 'writer'),
  `sleep 0.3\nexec perl -e 'for (1..20000) { defined(syswrite(STDERR, ("x" x 99) . "\\n")) or die $! }'\n`,
);
