import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, request } from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { formatGroups } from '../../src/gateway/describe.js';
import { openGateway, type RunningGateway } from '../../src/gateway/gateway.js';
import { runCli, startCli } from '../support/cli.js';
import { send } from '../support/conformance.js';
import { findServer, startServer } from '../support/server-process.js';
import { waitFor } from '../support/wait-for.js';

let gateway: RunningGateway;
beforeEach(async () => {
  gateway = await openGateway({ bodyBytes: 10_000, groups: 3 });
});
afterEach(() => gateway.close());

const push = (path: string, body: string | Buffer, headers: Record<string, string> = {}) =>
  send(gateway.url, { method: 'POST', path, body, headers });

describe('where it differs from the Pushgateway on purpose', () => {
  test.each([
    ['/metrics/job/a', '/metrics/job/a/instance@base64/='],
    ['/metrics/job/a/instance/', '/metrics/job/a'],
  ])('after a push to %s one to %s is refused, and all others go on', async (first, second) => {
    expect((await push(first, 'x 1\n')).status).toBe(200);
    expect((await push(second, 'x 1\n')).status).toBe(400);
    expect((await push('/metrics/job/b', 'x 1\n')).status).toBe(200);
    const { status, body } = await send(gateway.url, { method: 'GET', path: '/metrics' });
    expect(status).toBe(200);
    expect(body.match(/^push_time_seconds/gm)).toHaveLength(2);
  });

  test.each([
    '/metrics/job/%ff',
    '/metrics/job@base64/_w',
    '/metrics/job/a/b@base64/_w',
    '/metrics/job@base64/a+b',
  ])('a path that is not UTF-8 or base64url, %s, is refused without a trace', async (path) => {
    expect((await push(path, 'x 1\n')).status).toBe(400);
    expect(gateway.groups()).toEqual([]);
    expect((await push('/metrics/job@base64/YQ', 'x 1\n')).status).toBe(200);
  });
});

test('a count that is no finite number is refused: the Pushgateway stores 2 to the 63 for it', async () => {
  const { status, body } = await push('/metrics/job/a', '# TYPE s summary\ns_count NaN\n');
  expect(status).toBe(400);
  expect(body).toContain('expected a finite count for "s_count", got NaN');
  expect(gateway.groups()).toEqual([]);
});

test('a histogram in a group with the label le is refused: it would stand twice in /metrics, and no scrape would pass', async () => {
  const { status } = await push('/metrics/job/a/le/1', '# TYPE h histogram\nh_bucket{le="1"} 2\nh_count 2\n');
  expect(status).toBe(400);
  expect((await send(gateway.url, { method: 'GET', path: '/metrics' })).body).not.toContain('h_bucket');
});

describe('bounds', () => {
  test('a body that is too long is 413, packed or not, and leaves no trace', async () => {
    const long = `x{l="${'a'.repeat(20_000)}"} 1\n`;
    expect((await push('/metrics/job/a', long)).status).toBe(413);
    const bomb = gzipSync(`x 1\n${'#\n'.repeat(50_000_000)}`);
    const { status, body } = await push('/metrics/job/a', bomb, { 'Content-Encoding': 'gzip' });
    expect(status).toBe(413);
    expect(body).toContain('longer than 10000 bytes');
    expect(gateway.groups()).toEqual([]);
  });

  test('one group too many is 422, and the others can still be pushed to', async () => {
    for (const job of ['a', 'b', 'c']) expect((await push(`/metrics/job/${job}`, 'x 1\n')).status).toBe(200);
    const { status, body } = await push('/metrics/job/d', 'x 1\n');
    expect(status).toBe(422);
    expect(body).toContain('at most 3 groups');
    expect((await push('/metrics/job/a', 'x 2\n')).status).toBe(200);
  });

  test('a head that is too long is 431', async () => {
    expect((await push('/metrics/job/a', 'x 1\n', { 'X-Long': 'a'.repeat(20_000) })).status).toBe(431);
  });

  test('a head that comes too slowly is 408, and a silent connection is closed', async () => {
    const impatient = await openGateway({ headMs: 300, requestMs: 600 });
    const ended = (text: string) =>
      new Promise<string>((resolve) => {
        const socket = connect(impatient.port, '127.0.0.1', () => socket.write(text));
        let answer = '';
        socket.on('data', (chunk) => (answer += chunk));
        socket.on('close', () => resolve(answer));
      });
    expect(await ended('POST /metrics/job/a HTTP/1.1\r\nHost: local')).toContain('408 Request Timeout');
    expect(
      await ended('POST /metrics/job/a HTTP/1.1\r\nHost: localhost\r\nContent-Length: 50\r\n\r\nx 1'),
    ).not.toContain('200 OK');
    await impatient.close();
  });

  test('what is no HTTP is answered and closed', async () => {
    const { port } = gateway;
    const answer = await new Promise<string>((resolve) => {
      const socket = connect(port, '127.0.0.1', () => socket.write('hello\r\n\r\n'));
      let text = '';
      socket.on('data', (chunk) => (text += chunk));
      socket.on('close', () => resolve(text));
    });
    expect(answer).toContain('400 Bad Request');
  });
});

describe('web pages are kept out', () => {
  test.each([
    [{ Host: 'evil.example' }, 403],
    [{ Host: 'evil.example:9091' }, 403],
    [{ Host: 'localhost.evil.example' }, 403],
    [{ Origin: 'http://evil.example' }, 403],
    [{ Origin: 'null' }, 403],
    [{ Host: 'localhost:1', Origin: 'http://localhost:2' }, 403],
    [{ Host: 'localhost:9091' }, 200],
    [{ Host: '[::1]:9091' }, 200],
    [{ Host: 'gateway:9091' }, 200],
    [{ Host: 'localhost:9091', Origin: 'http://localhost:9091' }, 200],
  ])('a push with %j is %i', async (headers, status) => {
    expect((await push('/metrics/job/a', 'x 1\n', headers as Record<string, string>)).status).toBe(status);
    expect(gateway.groups()).toHaveLength(status === 200 ? 1 : 0);
  });
});

test('1,000 groups of 30 series by 100 pushers at a time: none refused, none lost', async () => {
  const large = await openGateway();
  const body = Array.from(
    { length: 30 },
    (_, index) => `series_${index % 10}{part="${index}"} ${index}\n`,
  ).join('');
  let next = 0;
  const pusher = async (): Promise<void> => {
    while (next < 1000) {
      const path = `/metrics/job/load/shard/${next++}`;
      expect((await send(large.url, { method: 'POST', path, body })).status).toBe(200);
    }
  };
  await Promise.all(Array.from({ length: 100 }, pusher));
  const { body: metrics } = await send(large.url, { method: 'GET', path: '/metrics' });
  expect(metrics.match(/^series_/gm)).toHaveLength(30_000);
  expect(large.groups()).toHaveLength(1000);
  await large.close();
});

const promtool = findServer('promtool');
test.skipIf(!promtool)('promtool parses what it shows', async () => {
  await runCli(['run', '--interval', '0', '--quiet', '-g', gateway.url]);
  const { body } = await send(gateway.url, { method: 'GET', path: '/metrics' });
  let findings = '';
  try {
    execFileSync(promtool ?? '', ['check', 'metrics'], { input: body, encoding: 'utf8', stdio: 'pipe' });
  } catch (error) {
    // Exit 3 is findings of style, such as the tutorial's name of the counter; 1 would be a parse error.
    const failed = error as { status: number; stderr: string; stdout: string };
    expect(failed.status).toBe(3);
    findings = failed.stderr + failed.stdout;
  }
  expect(findings).toContain('prom_sample_counter');
  expect(findings).not.toMatch(/error|batch_job_/);
});

const prometheus = findServer('prometheus');
test.skipIf(!prometheus)('a real Prometheus scrapes it', async () => {
  await runCli(['run', '--interval', '0', '--quiet', '-g', gateway.url]);
  const folder = mkdtempSync(join(tmpdir(), 'prombatch-scrape-'));
  writeFileSync(
    join(folder, 'prometheus.yml'),
    `scrape_configs: [{job_name: gateway, scrape_interval: 1s, honor_labels: true, static_configs: [{targets: ['127.0.0.1:${gateway.port}']}]}]`,
  );
  const server = await startServer(
    prometheus ?? '',
    [
      `--config.file=${folder}/prometheus.yml`,
      `--storage.tsdb.path=${folder}/data`,
      '--web.listen-address=127.0.0.1:0',
    ],
    '/-/ready',
  );
  try {
    const ask = async (query: string) => {
      const answer = await (
        await fetch(`${server.url}/api/v1/query?query=${encodeURIComponent(query)}`)
      ).json();
      return (answer as { data: { result: { metric: object; value: unknown[] }[] } }).data.result[0];
    };
    const counter = await waitFor('the first scrape', () => ask('prom_sample_counter'));
    expect(counter).toMatchObject({ metric: { job: 'prom_sample_batch' }, value: [expect.anything(), '13'] });
    expect(await ask('up{job="gateway"}')).toMatchObject({ value: [expect.anything(), '1'] });
  } finally {
    await server.stop();
    rmSync(folder, { recursive: true, force: true });
  }
});

describe('prombatch gateway', () => {
  const listening = (text: string) => /gateway at (http:\S+)/.exec(text)?.[1];

  test('listens, takes pushes, and ends with 0 on SIGTERM', async () => {
    const cli = startCli(['gateway', '--listen', '127.0.0.1:0']);
    const url = await waitFor('the address', () => listening(cli.stderr()));
    expect((await runCli(['run', '--interval', '0', '-g', url])).code).toBe(0);
    expect(await (await fetch(`${url}/metrics`)).text()).toContain(
      'prom_sample_counter{instance="",job="prom_sample_batch"} 13',
    );
    cli.child.kill('SIGTERM');
    expect((await cli.result).code).toBe(0);
  });

  test('logs each push and deletion, and of a refused one why', async () => {
    const cli = startCli(['gateway', '--listen', '127.0.0.1:0']);
    const url = await waitFor('the address', () => listening(cli.stderr()));
    const group = '/metrics/job/a/host@base64/4oCuCg';
    await send(url, { method: 'POST', path: group, body: '# TYPE x gauge\nx 1\n# TYPE y gauge\ny 1\n' });
    await send(url, { method: 'PUT', path: group, body: 'x{ 1\n' });
    await send(url, { method: 'DELETE', path: group });
    cli.child.kill('SIGTERM');
    const { stderr } = await cli.result;
    const name = '{job="a",host="\\u202e\\n"}';
    expect(stderr.split('\n').slice(1, 4)).toEqual([
      `prombatch: POST ${name}: 2 families`,
      expect.stringMatching(
        /^prombatch: warning: PUT \S+ refused with 400: text format parsing error in line 1: /,
      ),
      `prombatch: DELETE ${name}`,
    ]);
  });

  test('warns when it is not on loopback', async () => {
    const cli = startCli(['gateway', '--listen', ':0']);
    await waitFor('the address', () => listening(cli.stderr()));
    expect(cli.stderr()).toContain('warning: http://0.0.0.0');
    cli.child.kill('SIGTERM');
    expect((await cli.result).code).toBe(0);
  });

  test.each([
    ['nonsense', 'expected host:port such as 127.0.0.1:9091, got "nonsense"'],
    ['127.0.0.1:99999', 'got "127.0.0.1:99999"'],
  ])('--listen %s is exit 2', async (address, message) => {
    const result = await runCli(['gateway', '--listen', address]);
    expect(result.code).toBe(2);
    expect(result.stderr).toContain(message);
  });

  test('an address that is taken is exit 2', async () => {
    const result = await runCli(['gateway', '--listen', `127.0.0.1:${gateway.port}`]);
    expect(result.code).toBe(2);
    expect(result.stderr).toContain(`cannot listen on 127.0.0.1:${gateway.port}`);
    expect(result.stderr).toContain('EADDRINUSE');
  });
});

describe('--gateway embedded', () => {
  test('runs the job and prints what the gateway holds', async () => {
    const result = await runCli(['run', '--interval', '0', '--gateway', 'embedded']);
    expect(result.code).toBe(0);
    expect(result.stdout).toMatch(
      /^\nprom_sample_batch: succeeded, took [\d.]+m?s, 13 records\n\nhttp:\/\/127\.0\.0\.1:\d+ holds 1 group\n\n{job="prom_sample_batch"}\n/,
    );
    expect(result.stdout).not.toContain('last push');
    expect(result.stdout).toMatch(/ {2}prom_sample_counter +counter +13\n/);
    expect(result.stderr).not.toContain('left open');
  });

  test('a taken port 9091 is said, and another is used', async () => {
    const taken = await openGateway({ port: 9091 }).catch(() => undefined);
    const result = await runCli(['run', '--interval', '0', '--gateway', 'embedded']);
    await taken?.close();
    expect(result.code).toBe(0);
    const address = /port 9091 is taken: the embedded gateway is at (http:\S+)/.exec(result.stderr)?.[1];
    expect(address).toBeDefined();
    expect(result.stdout).toContain(`${address} holds 1 group`);
  });

  test('--keep leaves it up until a signal', async () => {
    const cli = startCli(['run', '--interval', '0', '--gateway', 'embedded', '--keep']);
    const url = await waitFor('the end of the run', () => /stays up at (http:\S+)/.exec(cli.stderr())?.[1]);
    const page = await new Promise<string>((resolve) => {
      request(url, (response) => {
        let text = '';
        response.on('data', (chunk) => (text += chunk)).on('end', () => resolve(text));
      }).end();
    });
    expect(page).toContain('prombatch gateway');
    cli.child.kill('SIGINT');
    expect((await cli.result).code).toBe(0);
  });
});

describe('npm start', () => {
  const file = (path: string) => fileURLToPath(new URL(path, import.meta.url));
  /** Stands at the usual port, and is no Pushgateway. */
  const other = createServer((_request, response) => response.end('OK'));
  beforeAll(() => new Promise<void>((resolve) => void other.listen(0, '127.0.0.1', resolve)));
  afterAll(() => other.close());
  const start = (args: readonly string[], env: Record<string, string> = {}) =>
    startCli(args, {
      cli: file('../../scripts/start.mjs'),
      nodeArgs: ['-r', file('../support/usual-port.cjs')],
      env: { USUAL_PORT: String((other.address() as { port: number }).port), ...env },
    });
  const quick = ['--interval', '0'];

  test('with PUSHGATEWAY_URL pushes there, and starts no gateway', async () => {
    const result = await start(quick, { PUSHGATEWAY_URL: gateway.url }).result;
    expect(result).toMatchObject({ code: 0, stdout: '' });
    expect(gateway.groups()).toHaveLength(1);
  });

  test('without any gateway starts one and prints what it holds, even where something else listens at 9091', async () => {
    const result = await start(quick).result;
    expect(result.code).toBe(0);
    expect(result.stdout).toContain('holds 1 group');
    expect(result.stdout).toMatch(/prom_sample_counter +counter +13/);
  });

  test("a failing job ends it with the job's exit code", async () => {
    const result = await start([...quick, '--fail-after', '2']).result;
    expect(result.code).toBe(1);
    expect(result.stdout).toMatch(/^\nprom_sample_batch: failed, exit 1, took [\d.]+m?s, 2 records\n/);
    expect(result.stdout).toMatch(/batch_job_success +gauge +0/);
  });

  test('--keep and a signal during the job: the run ends, and so does the gateway', async () => {
    const cli = start(['--gateway', 'embedded', '--interval', '30s', '--keep']);
    await waitFor('the start push', async () => {
      const url = /gateway is at (http:\S+)/.exec(cli.stderr())?.[1] ?? 'http://127.0.0.1:9091';
      const text = await (await fetch(`${url}/metrics`)).text();
      // Where something else has the usual port, the address of ours is said before the job begins.
      return text.includes('version="prombatch-') && text.includes('batch_job_last_start_timestamp_seconds');
    });
    cli.child.kill('SIGTERM');
    expect((await cli.result).code).toBe(143);
  });
});

test('the table of a large group is short, and quick', async () => {
  const large = await openGateway();
  const body = Array.from({ length: 100_000 }, (_, n) => `series{n="${n}"} ${n}\n`).join('');
  await send(large.url, { method: 'POST', path: '/metrics/job/large', body });
  const table = formatGroups(large.url, large.groups(), Date.now() / 1000);
  expect(table.split('\n').length).toBeLessThan(210);
  expect(table).toContain('… and 99800 more');
  await large.close();
});

test('what a label holds reaches the terminal without its control characters', async () => {
  await push('/metrics/job@base64/G1szMW0', 'x{l="\u0007"} 1\n');
  expect(formatGroups(gateway.url, gateway.groups(), Date.now() / 1000)).not.toMatch(/[^\P{Cc}\n]/u);
});

test('what it holds is told whatever its values and labels are, without what turns a line around', async () => {
  const odd = await openGateway();
  await fetch(`${odd.url}/metrics/job/a/host/${encodeURIComponent('\u202eb')}`, {
    method: 'POST',
    body: 'micros_timestamp_seconds 1.7e15\nnever_timestamp_seconds +Inf\nseen_timestamp_seconds 1.7e9\n',
  });
  const text = formatGroups(odd.url, odd.groups(), Date.now() / 1000);
  await odd.close();
  expect(text).toMatch(/micros_timestamp_seconds +untyped +1700000000000000\n/);
  expect(text).toMatch(/never_timestamp_seconds +untyped +\+Inf\n/);
  expect(text).toMatch(/seen_timestamp_seconds +untyped +2023-11-14T22:13:20.000Z\n/);
  expect(text).not.toContain('\u202e');
  expect(text).toContain('{host="\\u202eb",job="a"}');
});
