import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { runCli, startCli } from '../support/cli.js';
import {
  answering,
  closingKept,
  dripping,
  type FaultyServer,
  halfBody,
  halfRefusal,
  redirecting,
  refusing,
  refusingEarly,
  rejecting,
  resetting,
  stalling,
} from '../support/faulty-server.js';
import { waitFor } from '../support/wait-for.js';

const PUSH_TIMEOUT_MS = 2000;

let server: FaultyServer | undefined;
afterEach(() => server?.close());

/** The sample of three ticks against `gateway`, with a deadline of 2 s for the end push. */
const run = (gateway: string, ...args: string[]) =>
  runCli(['run', '-g', gateway, '--interval', '0', '--ticks', '3', '--push-timeout', '2s', ...args]);

const TABLE: readonly (readonly [
  title: string,
  start: () => Promise<FaultyServer>,
  expected: { code: number; message: string | RegExp },
])[] = [
  ['refuses', refusing, { code: 3, message: /nothing listens at http.*gave up after \d+ tries/ }],
  ['accepts and never answers', stalling, { code: 3, message: 'did not answer in time' }],
  ['drips one byte a second', dripping, { code: 3, message: 'did not answer in time' }],
  ['answers half and resets', resetting, { code: 3, message: /the connection to .* failed: .*ECONNRESET/ }],
  ...[301, 307, 308].map(
    (status) =>
      [
        `redirects with ${status}`,
        () => redirecting(status, 'http://user:hunter2@elsewhere.invalid/metrics'),
        { code: 3, message: `answered ${status}, a redirect to http://***@elsewhere.invalid/metrics` },
      ] as const,
  ),
  [
    'answers 400',
    () => rejecting(400, 'no such luck'),
    { code: 3, message: 'refused the push (400): no such luck' },
  ],
  [
    'answers 401',
    () => rejecting(401, 'who are you'),
    { code: 3, message: 'denied access (401): who are you' },
  ],
  ['answers 404', () => rejecting(404), { code: 3, message: 'has no such path (404)' }],
  [
    'answers 429 with Retry-After, then 200',
    () => answering({ status: 200 }, { status: 429, headers: { 'Retry-After': '1' } }, { status: 200 }),
    { code: 0, message: 'pushed to' },
  ],
  [
    'answers 500, then 200',
    () => answering({ status: 200 }, { status: 500, body: 'oops' }, { status: 200 }),
    { code: 0, message: 'pushed to' },
  ],
  ['answers 200 with half a body', halfBody, { code: 0, message: 'pushed to' }],
  [
    'answers 400 with half a text',
    halfRefusal,
    { code: 3, message: 'refused the push (400): half a reason' },
  ],
  ['answers 415', () => answering({ status: 415 }), { code: 3, message: 'refused the push (415)' }],
  [
    'answers 503 with Retry-After 0',
    () => answering({ status: 503, headers: { 'Retry-After': '0' } }),
    { code: 3, message: /gave up after \d{1,2} tries/ },
  ],
  ['answers 503 for ever', () => rejecting(503), { code: 3, message: 'could not answer (503)' }],
];

describe.each(TABLE)('a gateway that %s', (_title, start, expected) => {
  test('gets the right exit code and message, within the deadline', async () => {
    server = await start();
    const result = await run(server.address);
    expect(result.code).toBe(expected.code);
    expect(result.stderr).toMatch(expected.message);
    expect(result.stderr).not.toContain('hunter2');
    expect(result.elapsedMs).toBeLessThan(PUSH_TIMEOUT_MS + 1000);
  });

  test('does not delay the job', async () => {
    server = await start();
    const startedAt = Date.now();
    const result = await run(server.address, '--log-format', 'json');
    const lines = result.stderr
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    const ended = lines.find(({ message }) => message.includes('succeeded'));
    expect(ended.durationSeconds).toBeLessThan(1);
    // Nor does it hold back the job's beginning: the process has just been started.
    expect(ended.startedAtMs - startedAt).toBeLessThan(1000);
  });
});

test("with --on-push-failure warn a push failure is a warning and the exit code is the job's", async () => {
  server = await rejecting(503);
  const good = await run(server.address, '--on-push-failure', 'warn');
  expect(good.code).toBe(0);
  expect(good.stderr).toContain('warning: prom_sample_batch ran (exit 0), but its metrics were not pushed');
  expect((await run(server.address, '--fail-after', '1')).code).toBe(1);
});

/** A command whose own metrics are so many bytes that they go as gzip. */
const MANY_SERIES = ['sh', '-c', 'seq 1 400 | sed "s/.*/rows{part=\\"&\\"} &/" >> "$PROMBATCH_METRICS_FILE"'];

test('a 413 sends the outcome alone, and it goes uncompressed', async () => {
  server = await answering({ status: 200 }, { status: 413, body: 'too large' }, { status: 200 });
  const flags = ['-g', server.address, '--job', 'import', '--on-push-failure', 'fail', '--no-spool'];
  const result = await runCli(['exec', ...flags, '--', ...MANY_SERIES]);
  expect(result.code).toBe(3);
  expect(result.stderr).toContain('only its outcome was pushed');
  expect(result.stderr).toContain('(413): too large');
  const [, whole, alone] = server.requests;
  expect(whole).toContain('Content-Encoding: gzip');
  expect(whole).toContain('rows{part="400"} 400');
  expect(alone).not.toContain('Content-Encoding');
  expect(alone).toContain('batch_job_metrics_rejected 1');
  expect(alone).toContain('batch_job_success 1');
  expect(alone).not.toContain('rows');
});

test('a push of up to 8 KiB goes as it is: to pack it would take longer than to send it', async () => {
  server = await answering({ status: 200 });
  expect((await run(server.address)).code).toBe(0);
  expect(server.requests[1]).toContain('prom_sample_counter 3');
  expect(server.requests.join()).not.toContain('Content-Encoding');
});

test('a kept connection that the server has closed is replaced at once, and counts as no try', async () => {
  server = await closingKept();
  const result = await run(server.address, '--verbose', '--no-spool');
  expect(result.code).toBe(0);
  expect(result.stderr).not.toContain('failed; the next in');
  expect(server.requests.filter((request) => request.includes('batch_job_success 1'))).toHaveLength(2);
});

test('a 400 is never tried again: the outcome alone follows at once, then each of its families, and that is all', async () => {
  server = await rejecting(400, 'no');
  expect((await run(server.address, '--no-start-push')).code).toBe(3);
  const bodies = server.requests.map((request) => request.split('\r\n\r\n')[1] ?? '');
  expect(bodies[1]).toContain('batch_job_metrics_rejected 1');
  expect(bodies.slice(2).every((body) => (body.match(/^# TYPE/gm)?.length ?? 0) <= 1)).toBe(true);
  expect(new Set(bodies).size).toBe(bodies.length);
});

test('no push but that of a success carries the success families', async () => {
  server = await answering({ status: 200 });
  const flags = ['--expected-interval', '1h', '--interval', '20ms', '--push-interval', '10ms'];
  await run(server.address, ...flags, '--fail-after', '3');
  await run(server.address, ...flags, '--timeout', '30ms');
  const cli = startCli(['run', '-g', server.address, '--interval', '30s', '--expected-interval', '1h']);
  const before = server.requests.length;
  await waitFor('the start push', () => server && server.requests.length > before);
  cli.child.kill('SIGTERM');
  await cli.result;
  expect(server.requests.length).toBeGreaterThan(5);
  for (const request of server.requests) {
    expect(request).toContain('batch_job_last_start_timestamp_seconds');
    expect(request).not.toMatch(/last_success|success_due/);
  }
  await run(server.address, ...flags);
  expect(server.requests.at(-1)).toMatch(/last_success[\s\S]*success_due/);
});

test('the start push carries the start and nothing else, and --no-start-push leaves it out', async () => {
  server = await answering({ status: 200 });
  await run(server.address);
  const [start = ''] = server.requests;
  expect(start.split('\r\n\r\n')[1]).toMatch(
    /^# HELP batch_job_last_start_timestamp_seconds .*\n# TYPE \S+ gauge\nbatch_job_last_start_timestamp_seconds [\d.]+\n$/,
  );
  expect(server.requests).toHaveLength(2);
  await run(server.address, '--no-start-push');
  expect(server.requests).toHaveLength(3);
});

test('after SIGTERM a stalling gateway gets three seconds, whatever --push-timeout says', async () => {
  server = await stalling();
  const cli = startCli(['run', '-g', server.address, '--interval', '30s', '--push-timeout', '1h']);
  await waitFor('the start push', () => server?.requests.length);
  const told = performance.now();
  cli.child.kill('SIGTERM');
  const result = await cli.result;
  expect(result.code).toBe(143);
  expect(performance.now() - told).toBeLessThan(4000);
});

test("a signal during the end push shortens it and leaves the job's exit code", async () => {
  server = await stalling();
  const cli = startCli(['run', '-g', server.address, '--ticks', '1', '--push-timeout', '1h']);
  await waitFor('the end of the job', () => cli.stderr().includes('succeeded'));
  cli.child.kill('SIGTERM');
  const result = await cli.result;
  expect(result.code).toBe(3);
  expect(result.elapsedMs).toBeLessThan(5000);
});

test('a second signal ends the run at once', async () => {
  server = await stalling();
  const cli = startCli(['run', '-g', server.address, '--interval', '30s']);
  await waitFor('the start push', () => server?.requests.length);
  cli.child.kill('SIGTERM');
  await waitFor('the end of the job', () => cli.stderr().includes('stopped by SIGTERM'));
  cli.child.kill('SIGINT');
  const result = await cli.result;
  expect(result.code).toBe(130);
  expect(result.stderr).toContain('SIGINT after SIGTERM: ended at once');
});

test('userinfo of the address is sent as credentials and never shown', async () => {
  server = await rejecting(401, 'no');
  const result = await run(`http://ops:s3cr%40t@${server.address}/base/`);
  expect(server.requests[0]).toContain('POST /base/metrics/job/prom_sample_batch HTTP/1.1');
  expect(server.requests[0]).toContain(
    `Authorization: Basic ${Buffer.from('ops:s3cr@t').toString('base64')}`,
  );
  expect(result.stdout + result.stderr).not.toMatch(/s3cr|b3BzOn/);
});

test('a Retry-After longer than what is left ends the tries at once', async () => {
  server = await answering({ status: 429, headers: { 'Retry-After': '3600' } });
  const result = await run(server.address, '--push-timeout', '1m');
  expect(result.code).toBe(3);
  expect(result.elapsedMs).toBeLessThan(5000);
  expect(result.stderr).toContain('it asked to wait 3600s');
});

test('a gateway that refuses a large body before it has read it still gets the outcome', async () => {
  server = await refusingEarly();
  const folder = mkdtempSync(join(tmpdir(), 'prombatch-large-'));
  writeFileSync(
    join(folder, 'large.mjs'),
    `import { randomBytes } from 'node:crypto';
const metrics = () => Array.from({ length: 60_000 }, (_, n) => 'x{n="' + n + '",r="' + randomBytes(40).toString('hex') + '"} 1').join('\\n');
export default { [Symbol.for('prombatch.job')]: true, name: 'large', createRegistry: () => ({ metrics }), run() {} };`,
  );
  const result = await runCli(['run', './large.mjs', '-g', server.address, '--push-timeout', '5s'], {
    cwd: folder,
  });
  rmSync(folder, { recursive: true });
  expect(result.code).toBe(3);
  expect(result.stderr).toContain('refused the push (413): too large');
  expect(server.requests.at(-1)).toContain('batch_job_metrics_rejected 1');
  expect(result.elapsedMs).toBeLessThan(6000);
});
