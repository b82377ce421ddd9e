import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, describe, expect, test } from 'vitest';
import { encodeSnappy } from '../../src/delivery/remote-write/wire/snappy.js';
import { encodeWriteRequest } from '../../src/delivery/remote-write/wire/write-request.js';
import { createAuthority } from '../support/certificates.js';
import { type CliOptions, runCli } from '../support/cli.js';
import { diagnose } from '../support/diagnose.js';
import {
  answering,
  echoing,
  judging,
  redirecting,
  refusing,
  rejecting,
  stalling,
} from '../support/faulty-server.js';
import { long } from '../support/long.js';
import {
  type ReceiverOptions,
  type ReceiverProgram,
  receiverPrograms,
  startReceiver,
  type TestReceiver,
} from '../support/receivers.js';
import { findServer } from '../support/server-process.js';
import { waitFor } from '../support/wait-for.js';

const folder = mkdtempSync(join(tmpdir(), 'prombatch-doctor-receivers-'));
const stops: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop();
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));
let files = 0;
const newPath = (name: string): string => join(folder, `${files++}-${name}`);
function newFile(name: string, content: string): string {
  const path = newPath(name);
  writeFileSync(path, content);
  return path;
}

const closing = <T extends { close(): Promise<void> }>(server: T): T => {
  stops.push(() => server.close());
  return server;
};
const write = (address: string): readonly string[] => ['--remote-write', `${address}/api/v1/write`];

/** A receiver without fault, but for what is given. */
async function receiving(program: ReceiverProgram, options: ReceiverOptions = {}): Promise<TestReceiver> {
  const well: ReceiverOptions =
    program.kind === 'prometheus' ? { window: '2h' } : { args: ['-dedup.minScrapeInterval=1ms'] };
  const receiver = await startReceiver(program, { ...well, ...options });
  stops.push(() => receiver.stop());
  return receiver;
}

interface BrokenSetUp {
  readonly name: string;
  readonly check: string;
  readonly firstLine: RegExp;
  readonly code?: number;
  /** What it takes; any receiver if it is not told. */
  readonly only?: (program: ReceiverProgram) => boolean;
  setUp(program: ReceiverProgram): Promise<readonly string[] | readonly [readonly string[], CliOptions]>;
}

const isPrometheus = ({ kind }: ReceiverProgram): boolean => kind === 'prometheus';
/** What does not depend on the receiver is tried on one, and by the long tests on all. */
const isUsual = (program: ReceiverProgram): boolean => long || (isPrometheus(program) && !program.newer);
const isVictoria = ({ kind }: ReceiverProgram): boolean => kind === 'victoria-metrics';
const ten = fileURLToPath(new URL('../support/ten-minutes-later.cjs', import.meta.url));
const authority = findServer('openssl') ? createAuthority(join(folder, 'ca')) : undefined;

const REAL: readonly BrokenSetUp[] = [
  {
    name: 'a Prometheus whose receiver is off',
    check: 'receiver_off',
    firstLine:
      /\/api\/v1\/write takes no remote write: this Prometheus runs without --web\.enable-remote-write-receiver$/,
    only: isPrometheus,
    setUp: async (program) => ['--remote-write', (await receiving(program, { off: true })).url],
  },
  {
    name: 'an address without the path',
    check: 'receiver_path',
    firstLine: /^http:\S+\/ takes no remote write, but http:\S+\/api\/v1\/write does: the path is wrong$/,
    setUp: async (program) => ['--remote-write', (await receiving(program)).base],
  },
  {
    name: 'no out-of-order window',
    check: 'no_window',
    firstLine: /takes no late samples: out_of_order_time_window is 0$/,
    only: isPrometheus,
    setUp: async (program) => ['--remote-write', (await receiving(program, { window: '0s' })).url],
  },
  {
    name: 'a retention of six hours',
    check: 'retention',
    firstLine: /keeps samples for 6h only$/,
    only: isPrometheus,
    setUp: async (program) => ['--remote-write', (await receiving(program, { retention: '6h' })).url],
  },
  {
    name: 'a sample from the future',
    check: 'future_samples',
    firstLine: /holds a sample that is (?:3h|2h59m) in the future$/,
    // Prometheus 3 takes none.
    only: (program) => isPrometheus(program) && !program.newer,
    setUp: async (program) => {
      const { url } = await receiving(program);
      const sample = async (job: string, timeMs: number): Promise<number> => {
        const labels = [
          ['__name__', 'rows'],
          ['job', job],
        ] as const;
        const body = encodeSnappy(encodeWriteRequest([{ labels, samples: [{ timeMs, value: 1 }] }]));
        return (await fetch(url, { method: 'POST', body })).status;
      };
      expect(await sample('ahead', Date.now() + 3 * 3_600_000)).toBe(204);
      // What the finding says of others is true.
      expect(await sample('other', Date.now())).toBeGreaterThanOrEqual(400);
      return ['--remote-write', url];
    },
  },
  {
    name: 'VictoriaMetrics without deduplication',
    check: 'dedup_off',
    firstLine: /keeps repeated samples: it runs without -dedup\.minScrapeInterval$/,
    only: isVictoria,
    setUp: async (program) => ['--remote-write', (await receiving(program, { args: [] })).url],
  },
  {
    name: 'VictoriaMetrics that deduplicates by the minute',
    check: 'dedup_wide',
    firstLine: /keeps one sample in 1m: -dedup\.minScrapeInterval is wider than 1ms$/,
    only: isVictoria,
    setUp: async (program) => [
      '--remote-write',
      (await receiving(program, { args: ['-dedup.minScrapeInterval=1m'] })).url,
    ],
  },
  {
    name: "VictoriaMetrics' Pushgateway path as the gateway",
    check: 'tells_nothing',
    firstLine: /does not tell what it holds \(204\), as VictoriaMetrics does not at its Pushgateway path$/,
    only: isVictoria,
    setUp: async (program) => ['-g', `${(await receiving(program)).base}/api/v1/import/prometheus`],
  },
  {
    name: 'a clock that is ten minutes ahead',
    check: 'clock',
    firstLine: /^the clocks differ: that of \S+ is (?:10m|9m59s) behind this host's$/,
    only: isUsual,
    setUp: async (program) => [
      ['--remote-write', (await receiving(program)).url],
      { nodeArgs: ['--require', ten] },
    ],
  },
  {
    name: 'https to a receiver that does not speak it',
    check: 'tls',
    firstLine: /does not speak TLS/,
    code: 3,
    only: isUsual,
    setUp: async (program) => ['--remote-write', (await receiving(program)).url.replace('http:', 'https:')],
  },
  {
    name: 'http to a receiver that speaks TLS',
    check: 'tls',
    firstLine: /HTTP request to an HTTPS server/,
    only: (program) => isPrometheus(program) && isUsual(program) && authority !== undefined,
    setUp: async (program) => {
      const { cert, key } = authority?.issue('server', {}) ?? { cert: '', key: '' };
      return [
        '--remote-write',
        await protectedBy(program, `tls_server_config: {cert_file: ${cert}, key_file: ${key}}\n`),
      ];
    },
  },
  {
    name: 'runs that wait in the spool',
    check: 'spool_waits',
    firstLine:
      /^1 run waits in the spool for http:\S+\/api\/v1\/write, which is not one looked at; the first ended /,
    only: isUsual,
    setUp: async (program) => {
      const spool = newPath('spool');
      await leave((await refusing()).address, spool);
      return ['--remote-write', (await receiving(program)).url, '--spool', spool];
    },
  },
  {
    name: 'a run that was set aside',
    check: 'spool_set_aside',
    firstLine: /^1 run was set aside in the spool for http:\S+\/api\/v1\/write$/,
    only: isUsual,
    setUp: async (program) => {
      const spool = newPath('spool');
      await leave(closing(await rejecting(400, 'no such tenant')).address, spool);
      return ['--remote-write', (await receiving(program)).url, '--spool', spool];
    },
  },
];

const FAULTY: readonly Omit<BrokenSetUp, 'only'>[] = [
  {
    name: 'nothing listens',
    check: 'unreachable',
    firstLine: /^nothing listens at http:\/\/127\.0\.0\.1:\d+ \(ECONNREFUSED\)$/,
    code: 3,
    setUp: async () => write((await refusing()).address),
  },
  {
    name: 'a receiver that never answers',
    check: 'unreachable',
    firstLine: /did not answer in time$/,
    code: 3,
    setUp: async () => [...write(closing(await stalling()).address), '--push-timeout', '500ms'],
  },
  {
    name: 'a proxy that redirects to https',
    check: 'redirect',
    firstLine: /answered 301, a redirect to https:\/\/receiver\.test\/$/,
    setUp: async () => write(closing(await redirecting(301, 'https://receiver.test/')).address),
  },
  {
    name: 'a receiver that asks for a password',
    check: 'unauthorized',
    firstLine: /denied access \(401\)/,
    setUp: async () => write(closing(await rejecting(401)).address),
  },
  {
    name: 'another server',
    check: 'no_receiver',
    firstLine: /takes no remote write \(404\): not here$/,
    setUp: async () => write(closing(await rejecting(404, 'not here')).address),
  },
  {
    name: 'a page for people',
    check: 'no_receiver',
    firstLine: /answers a write with a page: it is no receiver of remote write$/,
    setUp: async () =>
      write(
        closing(await answering({ status: 200, headers: { 'Content-Type': 'text/html' }, body: '<p>' }))
          .address,
      ),
  },
];

async function leave(address: string, spool: string): Promise<void> {
  const { code } = await runCli([
    'run',
    '--ticks',
    '1',
    ...write(address),
    '--spool',
    spool,
    '--push-timeout',
    '500ms',
  ]);
  expect(code).toBe(3);
}

async function check({ setUp, firstLine, check, code = 1 }: BrokenSetUp, program: ReceiverProgram) {
  const made = await setUp(program);
  const [args, options] = Array.isArray(made[0])
    ? (made as readonly [readonly string[], CliOptions])
    : [made as readonly string[], {}];
  const found = await diagnose(args, options);
  expect(found.firstLine).toMatch(firstLine);
  expect(found.checks).toEqual([check]);
  expect(found.code).toBe(code);
}

describe.each(receiverPrograms())('prombatch doctor --remote-write, on $name', (program) => {
  describe.skipIf(program.binary === undefined)('of a receiver', () => {
    test.each(REAL.filter(({ only = () => true }) => only(program)))(
      '$name: the first line says so',
      (broken) => check(broken, program),
    );

    test('a healthy one has no finding, no gateway is looked at, and nothing is stored', async () => {
      const receiver = await receiving(program);
      const count = () => receiver.query('count({__name__=~".+",job!=""})', Date.now());
      const before = await count();
      const found = await diagnose(['--remote-write', receiver.url]);
      expect([found.checks, found.code, found.firstLine]).toEqual([[], 0, 'all well']);
      expect(found.stdout).toContain(`looked at the receiver ${receiver.url}, `);
      expect(found.stdout).not.toContain('Pushgateway');
      expect(await count()).toBe(before);
    });

    test('the report says of how many groups a run arrived', async () => {
      const receiver = await receiving(program);
      await runCli(['run', '--ticks', '1', '--remote-write', receiver.url, '--no-spool']);
      await waitFor(
        'the run',
        async () => (await receiver.query('count(batch_job_success)', Date.now())) === 1,
      );
      const found = await waitFor('the group', async () => {
        const each = await diagnose(['--remote-write', receiver.url]);
        return each.stdout.includes(': 1 group with a run that ended in the last day') && each;
      });
      expect(found.checks).toEqual([]);
    });
  });
});

describe('prombatch doctor --remote-write, of what is no receiver', () => {
  test.each(FAULTY)('$name: the first line says so', (broken) =>
    check(broken, { name: '', kind: 'prometheus', binary: undefined, newer: false }),
  );

  test('one that is down keeps the others from nothing, and each is told by its name', async () => {
    const { address } = await refusing();
    const off = closing(await rejecting(404, 'remote write receiver needs to be enabled'));
    const list = newFile(
      'receivers.yml',
      `- {name: first, url: '${address}/api/v1/write'}\n- {name: second, url: '${off.address}/api/v1/write'}\n`,
    );
    const found = await diagnose(['--remote-write-file', list]);
    expect(found.checks).toEqual(['unreachable', 'receiver_off']);
    expect(found.stdout).toMatch(/^second \(http:\S+\) takes no remote write/m);
  });

  test.each([
    [
      'other types',
      '{"data":{"version":{},"storageRetention":7,"yaml":[],"headStats":"x","result":[{"value":"x"}]}}',
    ],
    [
      'words that are none',
      '{"data":{"version":"3","storageRetention":"ever","yaml":"a: [","headStats":{"maxTime":"x"},"result":[null]}}',
    ],
    ['no object', '[null]'],
    ['no JSON', '{'],
  ])('pages that hold %s are no finding', async (_, body) => {
    const server = closing(
      await judging((request) => (request.startsWith('POST') ? { status: 204 } : { status: 200, body })),
    );
    const found = await diagnose(write(server.address));
    expect([found.checks, found.code]).toEqual([[], 0]);
  });

  test('what guards the writes opens the pages, too: a token in the query', async () => {
    const server = closing(await judging(() => ({ status: 204 })));
    await diagnose([], { env: { PROMBATCH_REMOTE_WRITE: `${server.address}/api/v1/write?token=t0ken` } });
    const paths = server.requests.map((request) => request.split(' ', 2)[1]);
    expect(paths).toContain('/api/v1/status/buildinfo?token=t0ken');
    expect(paths.filter((path) => !path?.includes('token=t0ken'))).toEqual([]);
  });

  test('no credentials are shown, whatever a receiver says back, and those of one reach no other', async () => {
    const first = closing(await echoing(400));
    const second = closing(await echoing(400));
    const host = first.address.replace(/^http:\/\//, '');
    const url = `http://ops:s3cret@${host}/api/v1/write?token=t0ken`;
    const env = {
      PROMBATCH_REMOTE_WRITE: `${url},${second.address}/api/v1/write`,
      PUSHGATEWAY_USERNAME: 'ops',
      PUSHGATEWAY_PASSWORD: 'gateway5',
    };
    const found = await diagnose([], { env });
    const basic = Buffer.from('ops:s3cret').toString('base64');
    expect(found.checks).toEqual(['no_receiver', 'no_receiver']);
    for (const secret of ['s3cret', 't0ken', 'gateway5', basic]) expect(found.stdout).not.toContain(secret);
    expect(first.requests.join('')).toContain(basic);
    expect(second.requests.join('')).not.toMatch(/authorization|t0ken/i);
  });
});

/** Behind a web configuration: where to write to. */
async function protectedBy({ binary = '' }: ReceiverProgram, web: string): Promise<string> {
  const child = spawn(binary, [
    `--config.file=${newFile('prometheus.yml', '')}`,
    `--storage.tsdb.path=${newPath('data')}`,
    '--web.enable-remote-write-receiver',
    '--web.listen-address=127.0.0.1:0',
    `--web.config.file=${newFile('web.yml', web)}`,
  ]);
  stops.push(async () => {
    const gone = once(child, 'exit');
    child.kill();
    await gone;
  });
  let output = '';
  child.stderr.on('data', (chunk) => (output += chunk));
  const port = await waitFor('the port', () => /Listening on".*address=127\.0\.0\.1:(\d+)/.exec(output)?.[1]);
  return `http://127.0.0.1:${port}/api/v1/write`;
}
