import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { openGateway } from '../../src/gateway/gateway.js';
import { createAuthority } from '../support/certificates.js';
import { type CliOptions, runCli } from '../support/cli.js';
import { diagnose } from '../support/diagnose.js';
import { answering, redirecting, refusing, stalling } from '../support/faulty-server.js';
import { long } from '../support/long.js';
import { type Gateway, pushgatewayBinaries, startPushgateway, versionOf } from '../support/pushgateway.js';
import { findNamed, findServer, type ServerProcess, startServer } from '../support/server-process.js';
import { project } from '../support/stack.js';
import { waitFor } from '../support/wait-for.js';

const folder = mkdtempSync(join(tmpdir(), 'prombatch-doctor-'));
const stops: (() => Promise<unknown> | unknown)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop();
});
let files = 0;
const newFile = (name: string): string => join(folder, `${files++}-${name}`);

/** A set-up that is broken, and what the first line must name. */
interface BrokenSetUp {
  readonly name: string;
  readonly check: string;
  readonly firstLine: RegExp;
  readonly code?: number;
  /** Makes the set-up; resolves with the arguments that lead to it. */
  setUp(binary: string): Promise<readonly string[] | readonly [readonly string[], CliOptions]>;
}

/** A Pushgateway without fault. */
async function wellSetUp(binary: string, args: readonly string[] = []): Promise<Gateway> {
  const gateway = await startPushgateway(binary, { persistence: newFile('groups'), args });
  stops.push(() => gateway.stop());
  return gateway;
}

async function push(gateway: Gateway, path: string, body: string, status = 200): Promise<void> {
  const answer = await fetch(`${gateway.url}/metrics/${path}`, { method: 'POST', body });
  expect(answer.status).toBe(status);
}

const closing = <T extends { close(): Promise<void> }>(server: T): T => {
  stops.push(() => server.close());
  return server;
};

/** One that speaks TLS or asks for a password: the port. */
async function startProtected(binary: string, web: string): Promise<number> {
  const config = newFile('web.yml');
  writeFileSync(config, web);
  const child = spawn(binary, [
    `--persistence.file=${newFile('groups')}`,
    '--web.listen-address=127.0.0.1:0',
    `--web.config.file=${config}`,
  ]);
  stops.push(async () => {
    const gone = once(child, 'exit');
    child.kill();
    await gone;
  });
  let output = '';
  child.stderr.on('data', (chunk) => (output += chunk));
  return Number(
    await waitFor('the port', () => /Listening on".*address=127\.0\.0\.1:(\d+)/.exec(output)?.[1]),
  );
}

const authority = findServer('openssl') ? createAuthority(join(folder, 'ca')) : undefined;
const pair = (name: string, days?: number): string => {
  const { cert, key } = authority?.issue(name, days === undefined ? {} : { days }) ?? { cert: '', key: '' };
  return `tls_server_config: {cert_file: ${cert}, key_file: ${key}}\n`;
};
const serverPair = pair('server');
const expiredPair = pair('expired', 0);
/** bcrypt of a password that nobody gives, cost 4. */
const USERS = "basic_auth_users: {ops: '$2b$04$9Y7u8abxRwYldm2T.gXMeurh8DkOSoecKq/1t.jowYqAK4s5XxrPG'}\n";

const now = () => Date.now() / 1000;

const BROKEN: readonly BrokenSetUp[] = [
  {
    name: 'nothing listens',
    check: 'unreachable',
    firstLine: /^nothing listens at http:\/\/127\.0\.0\.1:\d+ \(ECONNREFUSED\)$/,
    code: 3,
    setUp: async () => ['-g', (await refusing()).address],
  },
  {
    name: 'a gateway that never answers',
    check: 'unreachable',
    firstLine: /^http:\/\/127\.0\.0\.1:\d+ did not answer in time$/,
    code: 3,
    setUp: async () => ['-g', closing(await stalling()).address, '--push-timeout', '500ms'],
  },
  {
    name: 'a proxy that redirects to https',
    check: 'redirect',
    firstLine: /answered 301, a redirect to https:\/\/gateway\.test\//,
    setUp: async () => ['-g', closing(await redirecting(301, 'https://gateway.test/')).address],
  },
  {
    name: 'a path prefix that the gateway does not have',
    check: 'path_prefix',
    firstLine: /\/push has no Pushgateway, but http:\/\/127\.0\.0\.1:\d+ has: the path prefix is wrong$/,
    setUp: async (binary) => ['-g', `${(await wellSetUp(binary)).url}/push`],
  },
  {
    name: 'a gateway below a path prefix that the address lacks',
    check: 'no_pushgateway',
    firstLine: /has no such path \(404\)/,
    setUp: async (binary) => {
      const args = ['--web.listen-address=127.0.0.1:0', `--persistence.file=${newFile('groups')}`];
      const server = await startServer(binary, [...args, '--web.route-prefix=/push'], '/push/-/ready');
      stops.push(() => server.stop());
      return ['-g', server.url];
    },
  },
  {
    name: 'another server',
    check: 'no_pushgateway',
    firstLine: /answers, but not as a Pushgateway does$/,
    setUp: async () => ['-g', closing(await answering({ status: 200, body: 'hello' })).address],
  },
  {
    name: 'a certificate of an authority that is not trusted',
    check: 'tls',
    firstLine: /^https:\/\/localhost:\d+ is not trusted: /,
    code: 3,
    setUp: async (binary) => ['-g', `https://localhost:${await startProtected(binary, serverPair)}`],
  },
  {
    name: 'a certificate that has expired',
    check: 'tls',
    firstLine: /is not trusted: certificate has expired/,
    code: 3,
    setUp: async (binary) => {
      const access = newFile('access.yml');
      writeFileSync(access, `tls_config: {ca_file: ${authority?.ca}}\n`);
      const port = await startProtected(binary, expiredPair);
      return ['-g', `https://localhost:${port}`, '--http-config-file', access];
    },
  },
  {
    name: 'http to a gateway that speaks TLS',
    check: 'tls',
    firstLine: /HTTP request to an HTTPS server/,
    setUp: async (binary) => ['-g', `localhost:${await startProtected(binary, serverPair)}`],
  },
  {
    name: 'https to a gateway that does not speak it',
    check: 'tls',
    firstLine: /does not speak TLS/,
    code: 3,
    setUp: async (binary) => ['-g', (await wellSetUp(binary)).url.replace('http:', 'https:')],
  },
  {
    name: 'a gateway that asks for a password',
    check: 'unauthorized',
    firstLine: /denied access \(401\)/,
    setUp: async (binary) => ['-g', `localhost:${await startProtected(binary, USERS)}`],
  },
  {
    name: 'no persistence',
    check: 'persistence_off',
    firstLine: /keeps its groups in memory only: it runs without --persistence\.file$/,
    setUp: async (binary) => {
      const gateway = await startPushgateway(binary);
      stops.push(() => gateway.stop());
      return ['-g', gateway.url];
    },
  },
  {
    name: 'no consistency check',
    check: 'checks_off',
    firstLine: /checks no push: it runs with --push\.disable-consistency-check$/,
    setUp: async (binary) => ['-g', (await wellSetUp(binary, ['--push.disable-consistency-check'])).url],
  },
  {
    name: 'the admin API',
    check: 'admin_api',
    firstLine: /has its admin API on/,
    setUp: async (binary) => ['-g', (await wellSetUp(binary, ['--web.enable-admin-api'])).url],
  },
  {
    name: 'a clock that is ten minutes ahead',
    check: 'clock',
    firstLine: /^the clocks differ: that of \S+ is (?:10m|9m59s) behind this host's$/,
    setUp: async (binary) => {
      const later = fileURLToPath(new URL('../support/ten-minutes-later.cjs', import.meta.url));
      return [['-g', (await wellSetUp(binary)).url], { nodeArgs: ['--require', later] }];
    },
  },
  {
    name: 'a group that poisons /metrics',
    check: 'poisoned',
    firstLine: /answers 500: the group a \{instance=""\} differs from another by an empty label only$/,
    setUp: async (binary) => {
      const gateway = await wellSetUp(binary);
      await push(gateway, 'job/a', 'rows 1\n');
      await push(gateway, 'job/a/instance@base64/=', 'rows 1\n', 400);
      return ['-g', gateway.url];
    },
  },
  {
    name: 'a family of prombatch with another type',
    check: 'own_types',
    firstLine: /^the group other has batch_job_success as a counter, which prombatch pushes as a gauge$/,
    setUp: async (binary) => {
      const gateway = await wellSetUp(binary);
      await push(gateway, 'job/other', '# TYPE batch_job_success counter\nbatch_job_success 1\n');
      return ['-g', gateway.url];
    },
  },
  {
    name: 'a push that was refused',
    check: 'refused',
    firstLine: /^the gateway refused the last push of b, /,
    setUp: async (binary) => {
      const gateway = await wellSetUp(binary);
      await push(gateway, 'job/a', '# TYPE rows gauge\nrows 1\n');
      await push(gateway, 'job/b', '# TYPE rows counter\nrows 1\n', 400);
      return ['-g', gateway.url];
    },
  },
  {
    name: 'a new group each run',
    check: 'per_run',
    firstLine:
      /^the job \{job="a"\} makes a new group each run: label "pod" usually differs in every run; it has 2$/,
    setUp: async (binary) => {
      const gateway = await wellSetUp(binary);
      for (const pod of ['x-1', 'x-2']) await push(gateway, `job/a/pod/${pod}`, 'rows 1\n');
      return ['-g', gateway.url];
    },
  },
  {
    name: 'a job that is overdue',
    check: 'overdue',
    firstLine: /^overdue: a by 1h/,
    setUp: async (binary) => {
      const gateway = await wellSetUp(binary);
      await push(gateway, 'job/a', `${TYPE}batch_job_success_due_timestamp_seconds ${now() - 3600}\n`);
      return ['-g', gateway.url];
    },
  },
  {
    name: 'a gateway that holds too much',
    check: 'large',
    firstLine: /holds 1 group with 80\d{3} series, so that a push costs it about 59ms to 115ms$/,
    setUp: async (binary) => {
      const gateway = await wellSetUp(binary);
      const rows = Array.from({ length: 80_000 }, (_, index) => `rows{table="${index}"} 1\n`);
      await push(gateway, 'job/a', rows.join(''));
      return ['-g', gateway.url];
    },
  },
  {
    name: 'runs that wait in the spool',
    check: 'spool_waits',
    firstLine:
      /^1 run waits in the spool for http:\/\/127\.0\.0\.1:\d+, which is not the one looked at; the first since/,
    setUp: async (binary) => {
      const spool = newFile('spool');
      const { address } = await refusing();
      await runCli(['run', '--ticks', '1', '-g', address, '--spool', spool, '--push-timeout', '300ms']);
      return ['-g', (await wellSetUp(binary)).url, '--spool', spool];
    },
  },
  {
    name: 'a push that was set aside',
    check: 'spool_set_aside',
    firstLine: /^1 push was set aside in the spool for http/,
    setUp: async (binary) => {
      const spool = newFile('spool');
      const gateway = await openGateway();
      await fetch(`${gateway.url}/metrics/job/other`, {
        method: 'POST',
        body: '# TYPE prom_sample_gauge counter\nprom_sample_gauge 1\n',
      });
      await runCli(['run', '--ticks', '1', '-g', gateway.url, '--spool', spool]);
      await gateway.close();
      return ['-g', (await wellSetUp(binary)).url, '--spool', spool];
    },
  },
  {
    name: 'a textfile folder that is not there',
    check: 'textfile',
    firstLine: /^the textfile folder cannot be read: ENOENT/,
    setUp: async (binary) => ['-g', (await wellSetUp(binary)).url, '--textfile', join(folder, 'nowhere')],
  },
  {
    name: 'a damaged textfile',
    check: 'textfile_damaged',
    firstLine: /broken\.prom is not in the text format: /,
    setUp: async (binary) => {
      const textfile = newFile('textfile');
      mkdirSync(textfile);
      writeFileSync(join(textfile, 'broken.prom'), 'rows{ 1\n');
      return ['-g', (await wellSetUp(binary)).url, '--textfile', textfile];
    },
  },
  {
    name: 'a Prometheus that cannot be reached',
    check: 'prometheus_unreachable',
    firstLine: /^Prometheus cannot be asked: nothing listens at http/,
    setUp: async (binary) => [
      '-g',
      (await wellSetUp(binary)).url,
      '--prometheus',
      (await refusing()).address,
    ],
  },
];
const TYPE = '# TYPE batch_job_success_due_timestamp_seconds gauge\n';

/** What it holds; 1.11.3 has its groups in no order. */
async function holdings(gateway: Gateway): Promise<readonly string[]> {
  const answer = await (await fetch(`${gateway.url}/api/v1/metrics`)).json();
  return (answer as { data: readonly object[] }).data.map((group) => JSON.stringify(group)).sort();
}

describe.each(pushgatewayBinaries())('prombatch doctor, on %s', (_name, binary = '') => {
  describe.skipIf(binary === '' || !authority)('of a gateway', () => {
    test.each(BROKEN.filter(({ check }) => long || check !== 'large'))(
      '$name: the first line says so',
      async ({ setUp, firstLine, check, code = 1 }) => {
        const made = await setUp(binary);
        const [args, options] = Array.isArray(made[0])
          ? (made as readonly [readonly string[], CliOptions])
          : [made as readonly string[], {}];
        const found = await diagnose(args, options);
        expect(found.firstLine).toMatch(firstLine);
        expect(found.checks).toEqual([check]);
        expect(found.code).toBe(code);
      },
    );

    test('types that contradict each other, and what they do to /metrics', async () => {
      const gateway = await wellSetUp(binary, ['--push.disable-consistency-check']);
      await push(gateway, 'job/a', '# TYPE rows gauge\nrows 1\n', 202);
      await push(gateway, 'job/b', '# TYPE rows counter\nrows 1\n', 202);
      await waitFor('both groups', async () => (await gateway.groups()).length === 2);
      const { checks, firstLine, stdout } = await diagnose(['-g', gateway.url]);
      expect(checks).toEqual(['poisoned', 'types', 'checks_off']);
      expect(firstLine).toMatch(/answers 500: .*rows/);
      expect(stdout).toMatch(
        /^rows is a (?:gauge|counter) in the group [ab] and a (?:gauge|counter) in [ab]$/m,
      );
    });

    test('a healthy one has no finding, and nothing in it or on this host changes', async () => {
      const gateway = await wellSetUp(binary);
      const spool = newFile('spool');
      const textfile = newFile('textfile');
      mkdirSync(textfile);
      const run = [
        'run',
        '--ticks',
        '1',
        '--spool',
        spool,
        '--textfile',
        textfile,
        '--expected-interval',
        '1h',
      ];
      expect((await runCli([...run, '-g', gateway.url])).code).toBe(0);
      await push(gateway, 'job/plain', 'rows 1\n');
      const look = async () => [
        await holdings(gateway),
        readdirSync(spool, { recursive: true }),
        readdirSync(textfile),
      ];
      const before = await look();
      const found = await diagnose(['-g', gateway.url, '--spool', spool, '--textfile', textfile]);
      expect(found.checks).toEqual([]);
      expect([found.code, found.firstLine]).toEqual([0, 'all well']);
      expect(found.stdout).toMatch(/: 2 groups, \d+ series; a push costs it less than 1ms\n/);
      expect(await look()).toEqual(before);
    });
  });
});

const debian = findServer('prometheus-pushgateway');
const newer = findNamed('PROMETHEUS_BIN');
const prometheuses: readonly (readonly [
  name: string,
  binary: string | undefined,
  gateway: string | undefined,
])[] = [
  ["Debian's Prometheus", findServer('prometheus'), debian],
  ...(newer === undefined
    ? []
    : [
        [
          `Prometheus of PROMETHEUS_BIN (${versionOf(newer)})`,
          newer,
          findNamed('PUSHGATEWAY_BIN') ?? debian,
        ] as const,
      ]),
];

describe.each(prometheuses)('prombatch doctor --prometheus, on %s', (_name, binary, gatewayBinary) => {
  describe.skipIf(!binary || !gatewayBinary)('of a scrape', () => {
    const kept: (() => Promise<void>)[] = [];
    const gateways: Record<string, Gateway> = {};
    let prometheus: ServerProcess;
    afterAll(async () => {
      await Promise.all(kept.map((stop) => stop()));
    });

    const startPrometheus = async (config: string): Promise<ServerProcess> => {
      const path = newFile('prometheus.yml');
      writeFileSync(path, `global: {scrape_interval: 1s, evaluation_interval: 1s}\n${config}`);
      const args = [`--config.file=${path}`, `--storage.tsdb.path=${newFile('data')}`];
      const server = await startServer(
        binary ?? '',
        [...args, '--web.listen-address=127.0.0.1:0'],
        '/-/ready',
      );
      kept.push(() => server.stop());
      return server;
    };
    const scrape = (job: string, extra: string, ...targets: (Gateway | undefined)[]): string =>
      `  - {job_name: ${job}, ${extra}, static_configs: [{targets: [${targets
        .map((target) => `'${new URL(target?.url ?? '').host}'`)
        .join(', ')}]}]}\n`;
    const RULES = `rule_files: ['${project}/deploy/prometheus/rules.yml']\n`;
    const HONOR = 'honor_labels: true';
    const scraped = (server: ServerProcess, count: number) =>
      waitFor('the scrapes', async () => {
        const answer = await fetch(`${server.url}/api/v1/targets?state=active`);
        const { data } = (await answer.json()) as { data: { activeTargets: { health: string }[] } };
        return data.activeTargets.filter(({ health }) => health !== 'unknown').length === count;
      });
    const ask = (name: string, server = prometheus) =>
      diagnose(['-g', gateways[name]?.url ?? '', '--prometheus', server.url]);

    /** A Prometheus for each scrape that is to be named as the rules ask for. */
    const own = new Map<string, ServerProcess>();
    beforeAll(async () => {
      const extras: Readonly<Record<string, string>> = {
        dishonoured: 'scheme: http',
        down: `${HONOR}, metrics_path: /nothing`,
        dropped: `${HONOR}, metric_relabel_configs: [{source_labels: [job], regex: backup, action: drop}]`,
        unruled: HONOR,
        failing: HONOR,
      };
      const names = ['well', 'renamed', 'unscraped', ...Object.keys(extras)];
      // One after the other: when its process began tells a gateway from others.
      for (const name of names) {
        const gateway = await startPushgateway(gatewayBinary ?? '', { persistence: newFile('groups') });
        kept.push(() => gateway.stop());
        gateways[name] = gateway;
        await push(gateway, 'job/backup/host/db1', 'rows 1\n');
      }
      const { failing, well, renamed } = gateways;
      await runCli(['run', '--fail-after', '0', '-j', 'nightly', '--no-spool', '-g', failing?.url ?? '']);
      const scrapes = scrape('pushgateway', HONOR, well) + scrape('push', HONOR, renamed);
      await Promise.all([
        ...Object.entries(extras).map(async ([name, extra]) => {
          const rules = name === 'unruled' ? '' : RULES;
          const config = `${rules}scrape_configs:\n${scrape('pushgateway', extra, gateways[name])}`;
          own.set(name, await startPrometheus(config));
        }),
        startPrometheus(`${RULES}scrape_configs:\n${scrapes}`).then((server) => {
          prometheus = server;
        }),
      ]);
    });

    test('a healthy one has no finding', async () => {
      await scraped(prometheus, 2);
      const found = await ask('well');
      expect(found.checks).toEqual([]);
      expect(found.stdout).toMatch(/^looked at Prometheus \d+\.\d+\.\d+\S* at http/m);
    });

    test('a gateway that Prometheus knows by another name is found, and its scrape is judged', async () => {
      await scraped(prometheus, 2);
      const url = (gateways.renamed?.url ?? '').replace('127.0.0.1', 'localhost');
      const found = await waitFor('the scrape', async () => {
        const each = await diagnose(['-g', url, '--prometheus', prometheus.url]);
        return each.checks[0] !== 'not_scraped' && each;
      });
      expect(found.checks).toEqual(['scrape_job']);
    });

    test('a gateway that is not scraped', async () => {
      const { firstLine, checks } = await ask('unscraped');
      expect(checks).toEqual(['not_scraped']);
      expect(firstLine).toMatch(/^Prometheus at \S+ does not scrape http/);
    });

    test('a scrape of another name than the rules ask for', async () => {
      await scraped(prometheus, 2);
      const { firstLine, checks } = await ask('renamed');
      expect(checks).toEqual(['scrape_job']);
      expect(firstLine).toBe('the gateway is scraped as job "push", and the rules ask for "pushgateway"');
    });

    test.each([
      [
        'dishonoured',
        'honor_labels',
        /^the scrape of the gateway \(job_name: pushgateway\) lacks honor_labels: true$/,
      ],
      ['down', 'scrape_fails', /^Prometheus cannot scrape the gateway at http\S+\/nothing: .*404/],
      [
        'dropped',
        'series_missing',
        /^Prometheus scrapes the gateway, but has no series of backup \{host="db1"\}$/,
      ],
      ['unruled', 'rules_missing', /has not loaded the rules of prombatch$/],
      ['failing', 'alert_fires', /^BatchJobFailed fires for nightly$/],
    ] as const)('a scrape whose gateway is %s', async (name, check, line) => {
      const server = own.get(name) ?? prometheus;
      await scraped(server, 1);
      const found = await waitFor('the finding', async () => {
        const each = await ask(name, server);
        return each.checks.length > 0 && each;
      });
      expect(found.checks).toEqual([check]);
      expect(found.firstLine).toMatch(line);
    });

    test('a Prometheus given as the gateway', async () => {
      const { firstLine, checks } = await diagnose(['-g', prometheus.url]);
      expect(checks).toEqual(['no_pushgateway']);
      expect(firstLine).toMatch(/is a Prometheus, not a Pushgateway$/);
    });
  });
});

describe('prombatch doctor', () => {
  test('no password is shown, and none of the gateway goes to Prometheus', async () => {
    const seen: (string | undefined)[] = [];
    const server = createServer((request, response) => {
      seen.push(request.headers.authorization);
      response.writeHead(401).end('s3cret-word is wrong');
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as { port: number };
    const args = ['doctor', '-g', `http://ops:s3cret-word@127.0.0.1:${port}`];
    const { stdout, stderr, code } = await runCli([...args, '--prometheus', `127.0.0.1:${port}`]);
    server.close();
    server.closeAllConnections();
    expect(code).toBe(1);
    expect(stdout + stderr).not.toContain('s3cret');
    expect(seen.filter((header) => header !== undefined)).toHaveLength(1);
    expect(seen.at(-1)).toBeUndefined();
  });

  test.each([
    [['-g', 'embedded'], '--gateway: expected the address of a Pushgateway or none, got "embedded"'],
    [['--prometheus', 'http://x:99999'], '--prometheus: expected the address of a Prometheus'],
  ])('%j is exit 2', async (args, message) => {
    const { code, stderr } = await runCli(['doctor', ...args]);
    expect(code).toBe(2);
    expect(stderr).toContain(message);
  });
});
