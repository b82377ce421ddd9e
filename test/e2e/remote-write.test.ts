import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { fileName } from '../../src/files/file-name.js';
import { type CliOptions, runCli, startCli } from '../support/cli.js';
import {
  type Answer,
  answering,
  dripping,
  endless,
  type FaultyServer,
  halfBody,
  halfRefusal,
  redirecting,
  refusing,
  rejecting,
  resetting,
  stalling,
} from '../support/faulty-server.js';
import { startCollector } from '../support/remote-write.js';
import { waitFor } from '../support/wait-for.js';

let folder: string;
const servers: FaultyServer[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'prombatch-direct-'));
});
afterEach(async () => {
  for (const server of servers.splice(0)) await server.close();
  rmSync(folder, { recursive: true, force: true });
});

async function open(start: () => Promise<FaultyServer>): Promise<FaultyServer> {
  const server = await start();
  servers.push(server);
  return server;
}

const PUSH_TIMEOUT_MS = 2000;
const sample = ['run', '--interval', '0', '--ticks', '3', '--push-timeout', '2s'];
const run = (server: FaultyServer, args: readonly string[] = [], options: CliOptions = {}) =>
  runCli(
    [...sample, '--spool', folder, '--remote-write', `http://${server.address}/api/v1/write`, ...args],
    options,
  );
const spooled = (): string[] =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.json'));

/** What a request is about: the messages are literals, so that names can be read in them. */
function kindOf(request: string): string {
  if (request.includes('prom_sample_gauge')) return 'own';
  if (request.includes('batch_job_success')) return 'outcome';
  return request.includes('batch_job_last_start') ? 'start' : 'rejected';
}

const OK: Answer = { status: 204 };
const refused = (status: number, body = ''): Answer => ({ status, body });

describe.each<
  readonly [title: string, start: () => Promise<FaultyServer>, code: number, message: string | RegExp]
>([
  ['refuses', refusing, 3, /nothing listens at http.*gave up after \d+ tries/],
  ['accepts and never answers', stalling, 3, 'did not answer in time'],
  ['drips one byte a second', dripping, 3, 'did not answer in time'],
  ['answers half and resets', resetting, 3, /the connection to .* failed: .*ECONNRESET/],
  [
    'redirects',
    () => redirecting(307, 'https://user:hunter2@elsewhere.invalid/write'),
    3,
    'answered 307, a redirect to https://***@elsewhere.invalid/write',
  ],
  ['answers 404', () => rejecting(404, 'nothing here'), 3, 'takes no remote write (404): nothing here'],
  ['answers 401', () => rejecting(401), 3, 'denied access (401)'],
  ['answers 503 for ever', () => rejecting(503), 3, 'could not answer (503)'],
  ['answers 503 with a body that never ends', () => endless(503), 3, /could not answer \(503\)/],
  ['answers 400', () => rejecting(400, 'no such luck'), 3, 'refused the push (400): no such luck'],
  ['answers 400 with half a text', halfRefusal, 3, 'refused the push (400): half a reason'],
  ['answers 204', () => answering(OK), 0, 'pushed to'],
  ['answers 200 with half a body', halfBody, 0, 'pushed to'],
  ['answers 200 with a body that never ends', () => endless(200), 0, 'pushed to'],
  ['answers 500 once', () => answering(OK, refused(500), OK), 0, 'pushed to'],
  [
    'answers 429 with Retry-After once',
    () => answering(OK, { status: 429, headers: { 'Retry-After': '0' } }, OK),
    0,
    'pushed to',
  ],
])('a receiver that %s', (_title, start, code, message) => {
  test('gets the right exit code and message, within the deadline, the outcome first', async () => {
    const server = await open(start);
    const result = await run(server);
    expect(result.code, result.stderr).toBe(code);
    expect(result.stderr).toMatch(message);
    expect(result.stderr).not.toContain('hunter2');
    expect(result.elapsedMs).toBeLessThan(PUSH_TIMEOUT_MS + 2000);
    const kinds = server.requests.map(kindOf);
    if (kinds.includes('own')) expect(kinds.indexOf('outcome')).toBeLessThan(kinds.indexOf('own'));
  });
});

describe('what is refused', () => {
  test('of the job’s own leaves the outcome stored, and says so one request later', async () => {
    const server = await open(() => answering(OK, OK, refused(400, 'too many series'), OK));
    const result = await run(server);
    expect(result.code).toBe(3);
    expect(result.stderr).toContain('only its outcome was pushed');
    expect(result.stderr).toContain('too many series');
    expect(server.requests.map(kindOf)).toEqual(['start', 'outcome', 'own', 'rejected']);
    expect(spooled()).toHaveLength(1);
    expect(spooled()[0]).toContain('rejected/');
  });

  test('as out of order, of a request whose answer may be lost, is tried with the newest samples alone', async () => {
    const server = await open(() => answering(OK, OK, refused(500), refused(400, 'out of order sample'), OK));
    const result = await run(server);
    expect(result.code, result.stderr).toBe(0);
    expect(server.requests.map(kindOf)).toEqual(['start', 'outcome', 'own', 'own', 'own']);
    expect(spooled()).toEqual([]);
  });

  test('with 409 as too old is set aside, and the times alone go once more', async () => {
    const server = await open(() => answering(OK, refused(409, 'conflict'), OK));
    const result = await run(server);
    expect(result.code).toBe(3);
    expect(result.stderr).toContain('refused samples as too old (409): conflict');
    expect(result.stderr).toContain('kept in rejected/ of the spool');
    expect(result.stderr).not.toContain('nothing was kept');
    expect(server.requests.map(kindOf)).toEqual(['start', 'outcome', 'start']);
    expect(server.requests.at(-1)).toContain('batch_job_last_success_timestamp_seconds');
    const reason = readdirSync(folder, { recursive: true, encoding: 'utf8' }).find((name) =>
      name.endsWith('.reason'),
    );
    expect(readFileSync(join(folder, reason ?? ''), 'utf8')).toContain('out_of_order_time_window');
  });

  test('of a start is no failure: the outcome says it', async () => {
    const server = await open(() =>
      answering(refused(400, 'out of bounds'), refused(400, 'out of bounds'), OK),
    );
    const result = await run(server);
    expect(result.code, result.stderr).toBe(0);
    expect(server.requests.map(kindOf).filter((kind) => kind === 'outcome')).toHaveLength(1);
    const outcome = server.requests.find((request) => kindOf(request) === 'outcome');
    expect(outcome).toContain('batch_job_last_start_timestamp_seconds');
  });

  test('of an outcome for a stage’s name leaves the outcome without it', async () => {
    const job = join(folder, 'job.mjs');
    writeFileSync(
      job,
      `import { defineJob } from ${JSON.stringify(new URL('../../dist/lib/index.js', import.meta.url).href)};
       export default defineJob({ name: 'staged', run: ({ stage }) => stage('x'.repeat(50), () => {}) });`,
    );
    const server = await open(() => answering(OK, refused(400, 'label value too long'), OK));
    const result = await runCli([
      'run',
      job,
      '--spool',
      `${folder}/spool`,
      '--remote-write',
      `http://${server.address}/write`,
    ]);
    expect(result.code).toBe(3);
    expect(result.stderr).toContain('only its outcome was pushed');
    expect(server.requests.map(kindOf)).toEqual(['start', 'outcome', 'outcome', 'rejected']);
    expect(server.requests[2]).not.toContain('batch_job_stage_duration_seconds');
  });
});

describe('several receivers', () => {
  test('are independent: one that is down keeps its own entry and delays no other', async () => {
    const [up, down] = [await open(() => answering(OK)), await open(stalling)];
    const result = await run(up, ['--remote-write', `http://${down.address}/write`]);
    expect(result.code).toBe(3);
    expect(result.stderr).toContain(`pushed to http://${up.address}/api/v1/write`);
    expect(result.stderr).toMatch(
      /not pushed\b.*did not answer in time.*flush --remote-write http:\/\/[^ ]+\/write --spool/,
    );
    expect(up.requests.map(kindOf)).toEqual(['start', 'outcome', 'own']);
    expect(spooled()).toHaveLength(1);
    expect(spooled()[0]).toContain(encodeURIComponent(down.address));
  });

  test('get their own credentials, and nobody else sees them', async () => {
    const [first, second, gateway] = await Promise.all(
      [1, 2, 3].map(() => open(() => answering({ status: 200 }))),
    );
    if (!first || !second || !gateway) throw new Error('expected three servers');
    writeFileSync(`${folder}/password`, 'file-secret\n');
    writeFileSync(
      `${folder}/receivers.yml`,
      `- url: http://${second.address}/write
  name: second
  headers: { X-Scope-OrgID: tenant-7 }
  authorization: { credentials_file: password }
`,
    );
    const result = await runCli(
      [
        'exec',
        '--job',
        'shows-env',
        '--verbose',
        '--spool',
        `${folder}/spool`,
        '-g',
        gateway.address,
        '--remote-write-file',
        `${folder}/receivers.yml`,
        '--',
        'env',
      ],
      {
        env: {
          PROMBATCH_REMOTE_WRITE: `http://bob:url-secret@${first.address}/write`,
          PUSHGATEWAY_USERNAME: 'eve',
          PUSHGATEWAY_PASSWORD: 'gateway-secret',
        },
      },
    );
    expect(result.code, result.stderr).toBe(0);
    const authorization = (server: FaultyServer) =>
      new Set(server.requests.map((request) => /^authorization: (.*)\r$/im.exec(request)?.[1]));
    const basic = (pair: string) => `Basic ${Buffer.from(pair).toString('base64')}`;
    expect(authorization(first)).toEqual(new Set([basic('bob:url-secret')]));
    expect(authorization(second)).toEqual(new Set(['Bearer file-secret']));
    expect(authorization(gateway)).toEqual(new Set([basic('eve:gateway-secret')]));
    for (const request of second.requests) expect(request).toMatch(/^X-Scope-OrgID: tenant-7\r$/im);
    for (const request of first.requests) expect(request).not.toContain('tenant-7');
    expect(result.stdout + result.stderr).not.toMatch(/url-secret|file-secret|gateway-secret/);
    expect(result.stdout).not.toContain('PROMBATCH_REMOTE_WRITE=');
    expect(readdirSync(`${folder}/spool`, { recursive: true }).join()).not.toMatch(/secret|bob/);
  });
});

describe('the command line', () => {
  test.each([
    [['--accumulate'], 'accumulate: expected a gateway with it, got none'],
    [['--replace'], 'replace: expected a gateway with it, got none'],
    [['--grouping', 'delivery=x'], 'expected a label other than "delivery"'],
    [
      ['--remote-write', 'http://u:hunter2@h/write'],
      'PROMBATCH_REMOTE_WRITE alone, got "http://***@h/write"',
    ],
    [['--remote-write', 'ftp://h/write'], 'expected the URL of a receiver'],
    [['--remote-write-file', '/nowhere.yml'], '/nowhere.yml: cannot be read: ENOENT'],
  ])('refuses %j, and nothing is run', async (args, message) => {
    const server = await open(() => answering(OK));
    const result = await run(server, args);
    expect(result.code).toBe(2);
    expect(result.stderr).toContain(message);
    expect(result.stderr).not.toContain('hunter2');
    expect(server.requests).toEqual([]);
  });

  test('takes one receiver once only', async () => {
    const server = await open(() => answering(OK));
    const result = await run(server, ['--remote-write', `http://${server.address}/api/v1/write`]);
    expect(result.code).toBe(2);
    expect(result.stderr).toContain('expected each receiver once');
  });

  test.each([
    ['url: http://h/write\nwrite_relabel_configs: []', 'got the key "write_relabel_configs"'],
    ['name: x', 'expected url'],
    ['url: http://h/write\nheaders: { Authorization: x }', 'Authorization is set by prombatch itself'],
    ['url: http://h/write\nremote_timeout: soon', 'remote_timeout: expected a duration'],
    ['url: http://h/write\nsigv4: {}', 'got the key "sigv4"'],
  ])('refuses a file with %j by name', async (yaml, message) => {
    writeFileSync(`${folder}/r.yml`, `- ${yaml.replaceAll('\n', '\n  ')}\n`);
    const result = await runCli([...sample, '--remote-write-file', `${folder}/r.yml`]);
    expect(result.code).toBe(2);
    expect(result.stderr).toContain(message);
  });

  test('with --on-push-failure warn, a receiver that cannot be opened costs neither the job nor another', async () => {
    const server = await open(() => answering(OK));
    const result = await run(server, ['--remote-write', 'ftp://h/write', '--on-push-failure', 'warn']);
    expect(result.code, result.stderr).toBe(0);
    expect(result.stderr).toContain('expected the URL of a receiver');
    expect(server.requests.map(kindOf)).toEqual(['start', 'outcome', 'own']);
  });

  test('without a gateway that is named pushes to the receivers alone, and to both if one is', async () => {
    const [receiver, gateway] = [
      await open(() => answering(OK)),
      await open(() => answering({ status: 200 })),
    ];
    expect((await run(receiver)).code).toBe(0);
    expect((await run(receiver, ['-g', gateway.address])).code).toBe(0);
    expect(gateway.requests.map((request) => request.split(' ')[0])).toEqual(['POST', 'POST']);
    expect(receiver.requests).toHaveLength(6);
  });

  test('a dry run shows series, times and values, and touches nothing', async () => {
    const server = await open(() => answering(OK));
    const result = await run(server, ['--dry-run']);
    expect(result.code).toBe(0);
    expect(result.stdout).toContain(`POST http://${server.address}/api/v1/write\n`);
    expect(result.stdout).toMatch(
      /^batch_job_success\{delivery="remote_write",job="prom_sample_batch"\} 1 at \d{4}-\d\d-\d\dT[\d:.]+Z$/m,
    );
    expect(result.stdout).toMatch(
      /^prom_sample_counter\{[^}]*\} 0 at .*\nprom_sample_counter\{[^}]*\} 3 at /m,
    );
    expect(server.requests).toEqual([]);
    expect(spooled()).toEqual([]);
  });

  test('--push-interval sends the job’s own metrics while it runs, with one 0 a count', async () => {
    const collector = await startCollector();
    const args = ['--ticks', '8', '--interval', '150ms', '--push-interval', '250ms'];
    const result = await runCli(['run', ...args, '--spool', folder, '--remote-write', collector.url]);
    await collector.close();
    expect(result.code, result.stderr).toBe(0);
    const counted = collector.samples('prom_sample_counter');
    expect(counted.length).toBeGreaterThan(3);
    expect(counted.filter(([, value]) => value === 0)).toHaveLength(1);
    expect(counted.map(([, value]) => value)).toEqual(
      counted.map(([, value]) => value).toSorted((a, b) => a - b),
    );
    expect(counted.at(-1)?.[1]).toBe(8);
    expect(counted.at(-1)?.[0]).toBe(collector.samples('batch_job_success')[0]?.[0]);
    const zeros = collector.samples('prom_sample_histogram_count').filter(([, value]) => value === 0);
    expect(zeros.length).toBeGreaterThan(0);
    expect(zeros.length).toBeLessThanOrEqual(6);
  });

  test('the requests of a run never overlap', async () => {
    let open = 0;
    let most = 0;
    const slow = createServer((request, answer) => {
      most = Math.max(most, ++open);
      request.resume();
      const end = () => {
        open--;
        answer.writeHead(204).end();
      };
      request.on('end', () => setTimeout(end, 300));
    });
    await new Promise<void>((resolve) => slow.listen(0, '127.0.0.1', resolve));
    const { port } = slow.address() as { port: number };
    const url = `http://127.0.0.1:${port}/write`;
    const result = await runCli(['run', '--ticks', '1', '--spool', folder, '--remote-write', url]);
    slow.close();
    expect(result.code, result.stderr).toBe(0);
    expect(most).toBe(1);
  });

  test('a schedule sends each run as one sample, at times of its own', async () => {
    const collector = await startCollector();
    const flags = ['--max-runs', '2', '--interval', '0', '--spool', folder, '--remote-write', collector.url];
    const { code, stderr } = await runCli(['schedule', '* * * * * *', ...flags]);
    await collector.close();
    expect(code, stderr).toBe(0);
    const [first, second, ...more] = collector.samples('batch_job_success').map(([time]) => time);
    expect(more).toEqual([]);
    expect(second).toBeGreaterThan(first ?? 0);
    expect(collector.samples('prom_sample_counter').map(([, value]) => value)).toEqual([0, 13, 0, 13]);
  });

  test('a second signal keeps the outcome for each receiver', async () => {
    const server = await open(stalling);
    const running = startCli([
      'run',
      '--ticks',
      '100',
      '--spool',
      folder,
      '--remote-write',
      `http://${server.address}/write`,
    ]);
    await waitFor('the start push', () => server.requests.length > 0);
    running.child.kill('SIGTERM');
    await waitFor('the outcome on disk', () => spooled().length > 0);
    running.child.kill('SIGTERM');
    const { code, stderr } = await running.result;
    expect(code, stderr).toBe(143);
    expect(spooled()).toHaveLength(1);
    expect(readFileSync(join(folder, spooled()[0] ?? ''), 'utf8')).toContain('batch_job_success 0');
  });

  test('a spool that cannot be written is one warning, and the run is pushed without it', async () => {
    const server = await open(() => answering(OK));
    const result = await run(server, ['--spool', '/proc/nowhere']);
    expect(result.code, result.stderr).toBe(0);
    expect(result.stderr.match(/the spool cannot be written/g)).toHaveLength(1);
    expect(server.requests.map(kindOf)).toEqual(['start', 'outcome', 'own']);
  });

  test('a spool that cannot be written keeps neither updates nor what a refusal calls for', async () => {
    const server = await open(() => answering(OK, OK, refused(409, 'conflict'), OK));
    const slow = ['--interval', '200ms', '--push-interval', '300ms'];
    const result = await run(server, ['--spool', '/proc/nowhere', ...slow]);
    expect(result.code).toBe(3);
    expect(result.stderr).toContain('refused samples as too old (409): conflict');
    expect(result.stderr.match(/\/proc\/nowhere/g)).toHaveLength(1);
    expect(server.requests.map(kindOf)).toEqual(['start', 'own', 'outcome', 'start']);
  });

  test('a receiver of the file whose secret cannot be read keeps its run until it can', async () => {
    const server = await open(() => answering(OK));
    const file = join(folder, 'receivers.yml');
    const url = `http://${server.address}/api/v1/write`;
    writeFileSync(file, `- url: ${url}\n  basic_auth: { username: u, password_file: secret }\n`);
    const flags = ['--spool', folder, '--remote-write-file', file];
    const result = await runCli(['exec', '--job', 'secret', ...flags, 'true']);
    expect(result.code, result.stderr).toBe(0);
    expect(result.stderr).toContain('cannot read secret: ENOENT');
    expect(spooled()).toHaveLength(1);
    writeFileSync(join(folder, 'secret'), 'hunter2');
    const flush = await runCli(['flush', ...flags]);
    expect(flush.stdout).toContain('1 sent');
    expect(spooled()).toEqual([]);
  });

  test('what waits goes one by one if the spool cannot note what is under way', async () => {
    const down = await open(refusing);
    for (let each = 0; each < 3; each++) await run(down, ['--push-timeout', '100ms']);
    const group = join(folder, dirname(spooled()[0] ?? ''));
    rmSync(join(group, 'in-flight'), { force: true });
    mkdirSync(join(group, 'in-flight'));
    const back = await open(() => answering(OK));
    const receivers = dirname(group);
    renameSync(receivers, join(dirname(receivers), fileName(`http://${back.address}/api/v1/write`)));
    const flags = ['--spool', folder, '--remote-write', `http://${back.address}/api/v1/write`];
    const flush = await runCli(['flush', ...flags]);
    expect(flush.code, flush.stderr).toBe(0);
    expect(flush.stdout).toContain('3 sent, 0 refused and set aside, 0 still waiting');
  });

  test('a damaged entry is set aside, counted, and keeps nothing waiting', async () => {
    const down = await open(refusing);
    for (let each = 0; each < 3; each++) await run(down, ['--push-timeout', '100ms']);
    const [first = ''] = spooled().sort();
    writeFileSync(join(folder, first), '{"format":1');
    const url = `http://${down.address}/api/v1/write`;
    const [, port] = down.address.split(':');
    const back = createServer((_request, answer) => answer.writeHead(204).end());
    await new Promise<void>((resolve) => back.listen(Number(port), '127.0.0.1', resolve));
    const flush = await runCli(['flush', '--spool', folder, '--remote-write', url]);
    back.close();
    expect(flush.stdout).toContain('2 sent, 1 refused and set aside, 0 still waiting');
    expect(flush.stderr).toContain('a damaged entry of the spool was set aside');
    expect(flush.code).toBe(1);
  });

  test('flush sends what waits, and says what waits elsewhere', async () => {
    const down = await open(refusing);
    expect((await run(down, ['--push-timeout', '100ms'])).code).toBe(3);
    expect(spooled()).toHaveLength(1);
    const other = await open(() => answering(OK));
    const flush = (url: string) => runCli(['flush', '--spool', folder, '--remote-write', url, '--json']);
    const elsewhere = await flush(`http://${other.address}/write`);
    expect(JSON.parse(elsewhere.stdout)).toMatchObject({
      receivers: [{ sent: 0, left: 0 }],
      elsewhere: [{ receiver: `http://${down.address}/api/v1/write`, entries: 1 }],
    });
    expect(elsewhere.code).toBe(0);
    const still = await runCli([
      'flush',
      '--spool',
      folder,
      '--remote-write',
      `http://${down.address}/api/v1/write`,
      '--push-timeout',
      '200ms',
    ]);
    expect(still.code).toBe(1);
    expect(still.stdout).toContain('0 sent, 0 refused and set aside, 1 still waiting');
  });
});
