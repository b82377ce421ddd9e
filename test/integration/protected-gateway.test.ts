import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Authority, createAuthority } from '../support/certificates.js';
import { type CliResult, runCli } from '../support/cli.js';
import { findServer } from '../support/server-process.js';
import { waitFor } from '../support/wait-for.js';

const binary = findServer('prometheus-pushgateway');
const PASSWORD = 'correct horse';
/** bcrypt of the password, cost 4. */
const HASH = '$2b$04$9Y7u8abxRwYldm2T.gXMeurh8DkOSoecKq/1t.jowYqAK4s5XxrPG';

describe.skipIf(!binary)('a Pushgateway behind TLS, client certificates and basic auth', () => {
  let folder: string;
  let authority: Authority;
  let client: { cert: string; key: string };
  const stops: (() => void)[] = [];
  const ports = { good: 0, expired: 0, foreign: 0, numeric: 0 };

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'prombatch-tls-'));
    authority = createAuthority(join(folder, 'ca'));
    client = authority.issue('client');
    ports.good = await startGateway('good', authority.issue('server'));
    ports.expired = await startGateway('expired', authority.issue('expired', { days: 0 }));
    ports.foreign = await startGateway('foreign', authority.issue('foreign', { host: 'elsewhere.test' }));
    ports.numeric = await startGateway('numeric', authority.issue('numeric', { host: '127.0.0.1' }));
  });
  afterAll(() => {
    for (const stop of stops) stop();
    rmSync(folder, { recursive: true, force: true });
  });

  async function startGateway(name: string, { cert, key }: { cert: string; key: string }): Promise<number> {
    const config = join(folder, `${name}.web.yml`);
    writeFileSync(
      config,
      `tls_server_config: {cert_file: ${cert}, key_file: ${key}, client_auth_type: RequireAndVerifyClientCert, client_ca_file: ${authority.ca}}\nbasic_auth_users: {ops: '${HASH}'}\n`,
    );
    const child = spawn(binary ?? '', [
      '--persistence.file=',
      '--web.listen-address=127.0.0.1:0',
      `--web.config.file=${config}`,
    ]);
    stops.push(() => child.kill());
    let output = '';
    child.stderr.on('data', (chunk) => (output += chunk));
    return Number(
      await waitFor('the port', () => /Listening on".*address=127\.0\.0\.1:(\d+)/.exec(output)?.[1]),
    );
  }

  function configure(name: string, yaml: string): string {
    const path = join(folder, `${name}.yml`);
    writeFileSync(path, yaml);
    return path;
  }
  const tls = (extra = '', ca = 'ca/ca.pem') =>
    `tls_config: {ca_file: ${ca}, cert_file: ca/client.pem, key_file: ca/client.key${extra}}\n`;
  const auth = (password = PASSWORD) => `basic_auth: {username: ops, password: "${password}"}\n`;

  const run = (
    config: string,
    port = ports.good,
    options: { host?: string; env?: Record<string, string>; args?: string[] } = {},
  ) =>
    runCli(
      [
        'run',
        '--interval',
        '0',
        '--ticks',
        '1',
        '--push-timeout',
        '3s',
        '--no-start-push',
        '--http-config-file',
        config,
        '-g',
        `https://${options.host ?? 'localhost'}:${port}`,
        ...(options.args ?? []),
      ],
      { env: { XDG_STATE_HOME: join(folder, 'state'), ...options.env } },
    );

  test('is pushed to with the right settings; files and values may be given either way', async () => {
    writeFileSync(join(folder, 'password'), `${PASSWORD}\n`);
    expect(await run(configure('right', tls() + auth()))).toMatchObject({ code: 0 });
    expect(
      await run(configure('files', `${tls()}basic_auth: {username: ops, password_file: password}\n`)),
    ).toMatchObject({ code: 0 });
    const inline = JSON.stringify(readFileSync(authority.ca, 'utf8'));
    const pair = `cert: ${JSON.stringify(readFileSync(client.cert, 'utf8'))}, key: ${JSON.stringify(readFileSync(client.key, 'utf8'))}`;
    expect(await run(configure('inline', `tls_config: {ca: ${inline}, ${pair}}\n${auth()}`))).toMatchObject({
      code: 0,
    });
    expect(
      await run(configure('env', tls()), ports.good, {
        env: { PUSHGATEWAY_USERNAME: 'ops', PUSHGATEWAY_PASSWORD: PASSWORD },
      }),
    ).toMatchObject({ code: 0 });
    expect(
      await run(configure('url', tls()), ports.good, { host: 'ops:correct%20horse@localhost' }),
    ).toMatchObject({ code: 0 });
    expect(
      await run(configure('accumulates', tls() + auth()), ports.good, { args: ['--accumulate'] }),
    ).toMatchObject({ code: 0 });
  });

  const once_ = (result: CliResult) => expect(result.stderr).not.toContain('gave up after');

  test.each([
    [
      'no authority',
      'good',
      () => `tls_config: {cert_file: ca/client.pem, key_file: ca/client.key}\n${auth()}`,
      /is not trusted: .*certificate.*.*ca_file/,
    ],
    ['an expired certificate', 'expired', () => tls() + auth(), /is not trusted: certificate has expired/],
    [
      'another host name',
      'foreign',
      () => tls() + auth(),
      /is not trusted: .*localhost.*elsewhere\.test.*server_name/,
    ],
    [
      'no client certificate',
      'good',
      () => `tls_config: {ca_file: ca/ca.pem}\n${auth()}`,
      /asks for a client certificate.*cert_file/,
    ],
    ['a wrong password', 'good', () => tls() + auth('wrong battery'), /denied access \(401\)/],
    ['no password', 'good', () => tls(), /denied access \(401\).*PUSHGATEWAY_PASSWORD/],
  ] as const)('%s is said, is exit 3, and is not tried again', async (title, port, yaml, message) => {
    const result = await run(configure(title.replaceAll(' ', '-'), yaml()), ports[port]);
    expect(result.code).toBe(3);
    expect(result.stderr).toMatch(message);
    once_(result);
    expect(result.elapsedMs).toBeLessThan(2500);
  });

  test('server_name and insecure_skip_verify do what Prometheus makes of them', async () => {
    expect(
      await run(configure('named', tls(', server_name: elsewhere.test') + auth()), ports.foreign),
    ).toMatchObject({ code: 0 });
    expect(
      await run(configure('skip', tls(', insecure_skip_verify: true') + auth()), ports.expired),
    ).toMatchObject({ code: 0 });
  });

  /** The exit code of a command of which only prombatch spoke. */
  const quiet = ({ code, stderr }: CliResult) => {
    expect(stderr.split('\n').filter((line) => !line.startsWith('prombatch: '))).toEqual(['']);
    return code;
  };

  test('server_name may be an IP address, which the certificate must be for; Node says nothing of it', async () => {
    const numeric = configure('numeric-name', tls(", server_name: '127.0.0.1'") + auth());
    expect(quiet(await run(numeric, ports.numeric))).toBe(0);
    expect(quiet(await run(numeric, ports.numeric, { host: '127.0.0.1' }))).toBe(0);
    const result = await run(numeric, ports.good);
    expect(result.stderr).toMatch(/is not trusted: .*IP: 127\.0\.0\.1 is not/);
    expect(quiet(result)).toBe(3);
  });

  describe('through a proxy', () => {
    let proxy: Server;
    const asked: string[] = [];
    beforeAll(async () => {
      proxy = createServer((request, response) => {
        asked.push(`${request.method} ${request.url} ${request.headers['proxy-authorization'] ?? ''}`);
        response.statusCode = request.url?.startsWith('http://') ? 200 : 400;
        request.resume().on('end', () => response.end());
      });
      proxy.on('connect', (request, socket) => {
        asked.push(`CONNECT ${request.url} ${request.headers['proxy-authorization'] ?? ''}`);
        if (request.url?.includes('forbidden')) {
          socket.end('HTTP/1.1 403 Forbidden\r\n\r\n');
          return;
        }
        const upstream = connect(Number(request.url?.split(':')[1]), '127.0.0.1', () => {
          socket.write('HTTP/1.1 200 OK\r\n\r\n');
          upstream.pipe(socket).pipe(upstream);
        });
        upstream.on('error', () => socket.destroy());
        socket.on('error', () => upstream.destroy());
      });
      proxy.listen(0, '127.0.0.1');
      await once(proxy, 'listening');
    });
    afterAll(() => {
      proxy.closeAllConnections();
      proxy.close();
    });
    const proxyUrl = (userinfo = '') =>
      `proxy_url: http://${userinfo}127.0.0.1:${(proxy.address() as { port: number }).port}\n`;

    test('https is tunnelled by CONNECT', async () => {
      expect(await run(configure('tunnel', tls() + auth() + proxyUrl('me:pr0xy-s3cret@')))).toMatchObject({
        code: 0,
      });
      expect(asked.at(-1)).toBe(
        `CONNECT localhost:${ports.good} Basic ${Buffer.from('me:pr0xy-s3cret').toString('base64')}`,
      );
    });

    test('a gateway may be an IP address, whose certificate is checked, and Node says nothing of it', async () => {
      const host = '127.0.0.1';
      const config = configure('tunnel-ip', tls() + auth() + proxyUrl());
      expect(quiet(await run(config, ports.numeric, { host }))).toBe(0);
      expect(asked.at(-1)).toContain(`CONNECT 127.0.0.1:${ports.numeric}`);
      const named = await run(config, ports.good, { host });
      expect(named.stderr).toMatch(/is not trusted: .*IP: 127\.0\.0\.1 is not/);
      expect(quiet(named)).toBe(3);
    });

    test('http is asked of the proxy by its whole address', async () => {
      const config = configure('plain', proxyUrl());
      const result = await runCli([
        'run',
        '--interval',
        '0',
        '--no-start-push',
        '--http-config-file',
        config,
        '-g',
        'http://gateway.test:9091/base',
      ]);
      expect(result).toMatchObject({ code: 0 });
      expect(asked.at(-1)).toContain('POST http://gateway.test:9091/base/metrics/job/prom_sample_batch');
    });

    test('a refused tunnel is said', async () => {
      const result = await run(configure('refused', tls() + auth() + proxyUrl()), 1, {
        host: 'forbidden.test',
      });
      expect(result.code).toBe(3);
      expect(result.stderr).toContain('refused the tunnel (403)');
    });
  });

  test('a password of digits is taken as it is written', async () => {
    const seen: (string | undefined)[] = [];
    const server = createServer((request, response) => {
      seen.push(request.headers.authorization);
      request.resume().on('end', () => response.end());
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = `127.0.0.1:${(server.address() as { port: number }).port}`;
    const config = configure('digits', 'basic_auth: {username: ops, password: 00123}\n');
    await runCli(['run', '--interval', '0', '--no-start-push', '--http-config-file', config, '-g', address]);
    server.close();
    expect(seen[0]).toBe(`Basic ${Buffer.from('ops:00123').toString('base64')}`);
  });

  test("headers of one's own are sent", async () => {
    const heads: NodeJS.Dict<string | string[]>[] = [];
    const server = createServer((request, response) => {
      heads.push(request.headers);
      request.resume().on('end', () => response.end());
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    writeFileSync(join(folder, 'tenant'), 'from-file\n');
    const config = configure(
      'headers',
      'http_headers: {X-Scope-OrgID: {values: [a], secrets: [tops3cret], files: [tenant]}}\nauthorization: {credentials: t0ken}\n',
    );
    const result = await runCli([
      'run',
      '--interval',
      '0',
      '--no-start-push',
      '--http-config-file',
      config,
      '-g',
      `127.0.0.1:${(server.address() as { port: number }).port}`,
    ]);
    server.close();
    expect(result.code).toBe(0);
    expect(heads[0]).toMatchObject({
      'x-scope-orgid': 'a, tops3cret, from-file',
      authorization: 'Bearer t0ken',
    });
  });

  test.each([
    [
      'basic_auth: {user: x}',
      'basic_auth: expected username, username_file, password, password_file, got the key "user"',
    ],
    [
      'tls: {}',
      'the file: expected basic_auth, authorization, tls_config, proxy_url, http_headers, got the key "tls"',
    ],
    ['oauth2: {}', 'oauth2 is not supported'],
    ['- a', 'the file: expected keys and values'],
    [
      'basic_auth: {username: a, password: x, password_file: y}',
      'basic_auth: expected password or password_file, got both',
    ],
    ['basic_auth: {password_file: nowhere}', 'cannot read nowhere: ENOENT'],
    ['basic_auth: {}\nauthorization: {credentials: x}', 'expected basic_auth or authorization, got both'],
    ['tls_config: {cert: x}', 'tls_config: expected cert and key together'],
    ['tls_config: {insecure_skip_verify: "no"}', 'tls_config.insecure_skip_verify: expected true or false'],
    ['proxy_url: socks5://x', 'proxy_url: expected an http:// URL'],
    ['http_headers: {Host: {values: [x]}}', 'http_headers: Host is set by prombatch itself'],
    ['basic_auth: {username: u, password:s3cret}', 'got the key "password…"'],
    ['tls_config: {cert: s3cret, key: s3cret}', 'tls_config: the certificates or the key cannot be used'],
    ['proxy_url: http://u:%zzs3cret@proxy:1', 'proxy_url: expected an http:// URL'],
    ['proxy_url: http://proxy:99999', 'proxy_url: expected an http:// URL'],
    [
      'http_headers: {X: {secrets: ["s3cret\u2713"]}}',
      'http_headers.X: a value has characters that no header can have',
    ],
    ['a: [s3cret', 'expected YAML, got an error in line 1'],
  ])('the file %j is exit 2, and a warning where push failures are', async (yaml, message) => {
    const config = configure('wrong', yaml);
    const strict = await runCli([
      'run',
      '--interval',
      '0',
      '-g',
      '127.0.0.1:1',
      '--http-config-file',
      config,
    ]);
    expect(strict).toMatchObject({ code: 2, stdout: '' });
    expect(strict.stderr).toContain(message);
    const lenient = await runCli([
      'run',
      '--interval',
      '0',
      '-g',
      '127.0.0.1:1',
      '--http-config-file',
      config,
      '--on-push-failure',
      'warn',
    ]);
    expect(lenient.code).toBe(0);
    expect(lenient.stderr).toContain('prom_sample_batch succeeded');
    expect(lenient.stderr).toContain(message);
    expect(strict.stderr + lenient.stderr).not.toContain('s3cret');
  });

  test('no secret stands in any output or file, whatever happens', async () => {
    const state = join(folder, 'state');
    const results: CliResult[] = [];
    const config = configure(
      'leaky',
      `${tls()}${auth('wrong battery')}http_headers: {X-Key: {secrets: [tops3cret]}}\n`,
    );
    for (const format of ['text', 'json']) {
      results.push(await run(config, ports.good, { args: ['--log-format', format] }));
      results.push(
        await run(config, 1, {
          host: 'ops:correct%20horse@localhost',
          args: ['--log-format', format, '--accumulate'],
        }),
      );
      results.push(
        await run(config, ports.good, {
          args: ['--dry-run'],
          env: { PUSHGATEWAY_PASSWORD: 'env-s3cret', PUSHGATEWAY_USERNAME: 'x' },
        }),
      );
    }
    results.push(
      await runCli(
        ['flush', '--json', '-g', `https://ops:correct%20horse@localhost:1`, '--push-timeout', '200ms'],
        { env: { XDG_STATE_HOME: state } },
      ),
    );
    const key = readFileSync(client.key, 'utf8').split('\n')[1] ?? '';
    const secrets = [
      'wrong battery',
      'correct horse',
      'correct%20horse',
      'tops3cret',
      'env-s3cret',
      key,
      Buffer.from('ops:wrong battery').toString('base64'),
      Buffer.from('ops:correct horse').toString('base64'),
    ];
    const files = readdirSync(state, { recursive: true, encoding: 'utf8' })
      .map((name) => join(state, name))
      .filter((path) => statSync(path).isFile());
    expect(files.length).toBeGreaterThan(2);
    const texts = [
      ...results.flatMap(({ stdout, stderr }) => [stdout, stderr]),
      ...files,
      ...files.map((path) => readFileSync(path, 'utf8')),
    ];
    for (const text of texts) for (const secret of secrets) expect(text).not.toContain(secret);
    for (const path of files) expect(statSync(path).mode & 0o077, path).toBe(0);
  });
});
