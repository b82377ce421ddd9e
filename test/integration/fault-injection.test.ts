import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createGatewayClient } from '../../src/delivery/client/gateway-client.js';
import { startDeadline } from '../../src/delivery/deadline.js';
import { parseGatewayAddress } from '../../src/delivery/http/gateway-address.js';
import { flushFolderOnce } from '../../src/delivery/spool/flush-folder.js';
import { openSpool } from '../../src/delivery/spool/spool.js';
import { describeGroup } from '../../src/gateway/describe.js';
import { openGateway, type RunningGateway } from '../../src/gateway/gateway.js';
import { silentLog } from '../../src/log.js';
import { CLI, runCli } from '../support/cli.js';
import { long } from '../support/long.js';

// Every call that the command makes fails once: none may cost a job its exit code or its outcome.

const PRELOAD = fileURLToPath(new URL('../support/fault-injection.cjs', import.meta.url));

let folder: string;
let gateway: RunningGateway;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'prombatch-injected-'));
  gateway = await openGateway();
  writeFileSync(
    join(folder, 'fault-job.mjs'),
    `export default { [Symbol.for('prombatch.job')]: true, name: process.env.FAULT_JOB, createRegistry: () => ({ async metrics() { globalThis.faultPoint('collector'); return '# TYPE rows counter\\nrows 1\\n'; } }), async run() {} };`,
  );
});
afterAll(async () => {
  await gateway.close();
  rmSync(folder, { recursive: true, force: true });
});

const ROWS = 'printf "# TYPE rows counter\\nrows 1\\n" >> "$PROMBATCH_METRICS_FILE"; exit 7';
interface Case {
  readonly command: 'run' | 'exec';
  readonly gateway: boolean;
  readonly spool: boolean;
  readonly textfile: boolean;
  readonly accumulate: boolean;
}

/** A run with a fault at its n-th call; 0 is none. */
async function runWithFault(given: Case, at: number) {
  const job = `${Object.values(given).join('_')}_${at}`;
  const own = join(folder, job);
  mkdirSync(own);
  const flags = [
    '-g',
    given.gateway ? gateway.url : 'none',
    ...(given.spool ? ['--spool', join(own, 'spool')] : ['--no-spool']),
    ...(given.textfile ? ['--textfile', own] : []),
    ...(given.accumulate ? ['--accumulate'] : []),
    '--push-interval',
    '1h',
  ];
  const words =
    given.command === 'run'
      ? // Without --job the module is loaded before the run, so that no fault is one of the module's.
        ['run', join(folder, 'fault-job.mjs'), ...flags]
      : ['exec', '--job', job, ...flags, '--', 'sh', '-c', ROWS];
  const result = await runCli(words, {
    nodeArgs: ['-r', PRELOAD],
    cli: CLI,
    env: { FAULT_JOB: job, FAULT_AT: String(at), FAULT_LOG: join(own, 'calls') },
  });
  const calls = readFileSync(join(own, 'calls'), 'utf8').split('\n');
  return { job, own, result, calls };
}

/** The exit code that the job's outcome says, wherever that has arrived; what waits is sent first. */
async function arrived(given: Case, job: string, own: string): Promise<(string | undefined)[]> {
  const places: (string | undefined)[] = [];
  if (given.gateway) {
    if (given.spool) await flushAll(join(own, 'spool'));
    const group = gateway
      .groups()
      .map(describeGroup)
      .find(({ labels }) => labels.job === job);
    places.push(group && String(group.samples.batch_job_exit_code));
  }
  if (given.textfile) {
    const path = join(own, `${job}.prom`);
    const text = existsSync(path) ? readFileSync(path, 'utf8') : '';
    places.push(/^batch_job_exit_code\S* (\d+)$/m.exec(text)?.[1]);
  }
  return places;
}

async function flushAll(spool: string): Promise<void> {
  const client = createGatewayClient(parseGatewayAddress(gateway.url));
  for (const group of openSpool(spool, silentLog).pendingGroups(client.target)) {
    const deadline = startDeadline(10_000);
    expect(await flushFolderOnce(group, client, deadline, silentLog)).toMatchObject({ left: 0, rejected: 0 });
    deadline.dispose();
  }
  client.close();
}

/** What a fault at the n-th call broke, or `undefined`. */
async function brokenBy(given: Case, at: number, calls: readonly string[]): Promise<string | undefined> {
  const { job, own, result } = await runWithFault(given, at);
  const expected = given.command === 'exec' ? [7] : [0, 3];
  const what = `call ${at}, ${calls[at - 1]}`;
  if (!expected.includes(result.code ?? -1)) return `${what}: exit code ${result.code}\n${result.stderr}`;
  const places = await arrived(given, job, own);
  const exitCode = given.command === 'exec' ? '7' : '0';
  if (places.some((place) => place !== exitCode)) return `${what}: arrived ${places}\n${result.stderr}`;
  if (result.code === 3 && !result.stderr.includes('injected fault'))
    return `${what}: does not say what happened\n${result.stderr}`;
  rmSync(own, { recursive: true });
  return undefined;
}

const both = [false, true];
const cases: readonly Case[] = (['run', 'exec'] as const).flatMap((command) =>
  both.flatMap((accumulate) => [
    { command, accumulate, gateway: true, spool: true, textfile: false },
    { command, accumulate, gateway: true, spool: false, textfile: false },
    { command, accumulate, gateway: false, spool: false, textfile: true },
    { command, accumulate, gateway: true, spool: true, textfile: true },
  ]),
);
/** A handful of calls, spread over all of them, is looked at each time; every one where there is time. */
const chosen = long ? cases : cases.filter((given) => given.spool && given.textfile && given.accumulate);

describe('a call that fails once costs neither the exit code nor the outcome', () => {
  test.each(chosen)(
    '$command, gateway $gateway, spool $spool, textfile $textfile, accumulate $accumulate',
    async (given) => {
      const { calls, result } = await runWithFault(given, 0);
      expect(result.code, result.stderr).toBe(given.command === 'exec' ? 7 : 0);
      expect(calls.length).toBeGreaterThan(10);
      const step = long ? 1 : Math.ceil(calls.length / 15);
      const first = 1 + Math.floor(Math.random() * step);
      const left = calls.map((_, index) => index + 1).filter((at) => (at - first) % step === 0);
      const broken: (string | undefined)[] = [];
      const work = async (): Promise<void> => {
        for (let at = left.shift(); at !== undefined; at = left.shift())
          broken.push(await brokenBy(given, at, calls));
      };
      await Promise.all([work(), work(), work(), work()]);
      expect(broken.filter((each) => each !== undefined)).toEqual([]);
    },
    600_000,
  );
});
