import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CLI, startCli } from '../support/cli.js';
import { type FaultProxy, startFaultProxy, type Weather } from '../support/fault-proxy.js';
import { long } from '../support/long.js';
import {
  type ReceiverProgram,
  receiverPrograms,
  type StoredSeries,
  startReceiver,
  type TestReceiver,
} from '../support/receivers.js';
import { buildVariant } from '../support/variant.js';

/** The way to a receiver while a run is under way. */
interface Way {
  readonly weather: Weather;
  /** How many requests it spoils before it clears. */
  readonly spoiled: number;
}

interface Step {
  readonly rows: number;
  readonly fails: boolean;
  /** Ended by SIGKILL as soon as an entry is on disk. */
  readonly killed: boolean;
  /** How much the host's clock moves before the run, in seconds; it never is ahead. */
  readonly clock: number;
  readonly ways: readonly [Way, Way];
}

/** In CI fewer than by hand: one server's sequences follow each other. */
const SEQUENCES = long ? Number(process.env.SEQUENCES ?? 200) : 3;
const seed = Number(process.env.SEED ?? Math.floor(Math.random() * 2 ** 31));

const way: fc.Arbitrary<Way> = fc.record({
  weather: fc.constantFrom<Weather[]>(
    'up',
    'up',
    'down',
    'answering 500',
    'stalling',
    'cutting before storing',
    'cutting after storing',
    'cutting after storing',
    'storing without an answer',
  ),
  spoiled: fc.constantFrom(1, 2, 3, 1000),
});
const step: fc.Arbitrary<Step> = fc.record({
  rows: fc.integer({ min: 1, max: 9 }),
  fails: fc.boolean(),
  killed: fc.integer({ min: 0, max: 3 }).map((roll) => roll === 0),
  clock: fc.constantFrom(0, 0, 0, -1, -1800, 1800),
  ways: fc.tuple(way, way),
});
const steps = fc.array(step, { minLength: 2, maxLength: 5 });

describe.each(receiverPrograms())('the promise by remote write, on $name', (program: ReceiverProgram) => {
  let folder: string;
  let proxies: readonly [FaultProxy, FaultProxy];
  let receivers: readonly TestReceiver[] = [];
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'prombatch-direct-'));
    proxies = [await startFaultProxy(), await startFaultProxy()];
    if (!program.binary) return;
    receivers = [await startReceiver(program), await startReceiver(program)];
    for (const [index, proxy] of proxies.entries()) proxy.target(receivers[index]?.base);
    writeFileSync(`${folder}/clock.cjs`, CLOCK);
    writeFileSync(`${folder}/job.mjs`, JOB);
  });
  afterAll(async () => {
    for (const receiver of receivers) await receiver.stop();
    for (const proxy of proxies) await proxy.close();
    rmSync(folder, { recursive: true, force: true });
  });

  let sequence = 0;
  const seen = { killed: 0, failed: 0 };

  /** Carries a sequence out and flushes; what each run said of itself. */
  async function carryOut(given: readonly Step[], cli: string) {
    const job = `direct_${process.pid}_${sequence++}`;
    const spool = join(folder, job);
    const writes = proxies.flatMap(({ address }) => ['--remote-write', `http://${address}/api/v1/write`]);
    const common = [...writes, '--spool', spool];
    const ended: Record<string, number>[] = [];
    let clock = -900;
    for (const { rows, fails, killed, ways, clock: moved } of given) {
      // Within the hour that Prometheus takes of a series that is new to it.
      clock = Math.max(-3000, Math.min(0, clock + moved));
      proxies.forEach((proxy, index) => {
        proxy.set(ways[index]?.weather ?? 'up', ways[index]?.spoiled ?? 0);
      });
      const running = startCli(
        [
          'run',
          `${folder}/job.mjs`,
          '--job',
          job,
          ...common,
          '--push-timeout',
          '400ms',
          '--log-format',
          'json',
        ],
        {
          cli,
          nodeArgs: ['--require', `${folder}/clock.cjs`],
          env: { CLOCK_SECONDS: String(clock), ROWS: String(rows), FAILS: fails ? '1' : '' },
        },
      );
      const before = waiting(spool);
      const watch = killed
        ? setInterval(() => waiting(spool) > before && running.child.kill('SIGKILL'), 1)
        : undefined;
      const { stderr, signal } = await running.result;
      clearInterval(watch);
      const lines = stderr
        .trim()
        .split('\n')
        .flatMap((line) => (line.startsWith('{') ? [JSON.parse(line) as Record<string, number>] : []));
      if (signal === 'SIGKILL') seen.killed++;
      if (lines.some(({ message }) => String(message).includes('kept in the spool'))) seen.failed++;
      const end = lines.find(({ completedAtMs }) => completedAtMs !== undefined);
      expect(end, stderr).toBeDefined();
      ended.push({ ...end, rows, failed: Number(fails), killed: Number(signal === 'SIGKILL') });
    }
    for (const proxy of proxies) proxy.set('up', 0);
    const flush = await startCli(['flush', ...common, '-g', 'none'], { cli }).result;
    return { job, spool, ended, flush };
  }

  const check = (cli: string) => async (given: readonly Step[]) => {
    const { job, spool, ended, flush } = await carryOut(given, cli);
    expect(flush.code, flush.stdout + flush.stderr).toBe(0);
    expect(waiting(spool)).toBe(0);
    for (const [index, receiver] of receivers.entries()) {
      const stored = await receiver.stored(job);
      checkRuns(stored, ended, killedBefore(ended, stored), `receiver ${index}: ${JSON.stringify(given)}`);
    }
  };

  test.skipIf(!program.binary)(
    `in the end each receiver holds each run once, at its time (${SEQUENCES} sequences of seed ${seed})`,
    async () => {
      await fc.assert(fc.asyncProperty(steps, check(CLI)), {
        numRuns: SEQUENCES,
        seed,
        endOnFailure: true,
      });
      if (!long) return;
      expect(seen.killed).toBeGreaterThan(10);
      expect(seen.failed).toBeGreaterThan(10);
    },
    1_800_000,
  );

  const FAULTS = [
    [
      'a time that is given twice',
      'delivery/remote-write/entry/entry.ts',
      'Math.max(Math.floor(nowMs), newestMs + 2)',
      'Math.floor(nowMs)',
    ],
    [
      'a repetition that is taken for a refusal',
      'delivery/remote-write/send-parts.ts',
      'if (result.tooOld && second &&',
      'if (false && second &&',
    ],
    [
      'an entry that is taken away before it is sent',
      'delivery/remote-write/spool/replay.ts',
      'if (!ownWaits)',
      'if (ownWaits) return true; if (!ownWaits)',
    ],
  ] as const;
  test.skipIf(!program.binary).each(long && program.kind === 'prometheus' ? FAULTS : [])(
    'would notice %s',
    async (_title, file, from, to) => {
      const variant = await buildVariant(file, from, to, join(folder, `variant-${sequence}.cjs`));
      const broken = fc.assert(fc.asyncProperty(steps, check(variant)), {
        numRuns: 200,
        seed,
        endOnFailure: true,
      });
      await expect(broken).rejects.toThrow('Property failed');
    },
    1_800_000,
  );
});

/** The clock of the process, moved as a whole. */
const CLOCK = `
const moved = Number(process.env.CLOCK_SECONDS) * 1000;
const RealDate = Date;
globalThis.Date = class extends RealDate {
  constructor(...given) { if (given.length === 0) super(RealDate.now() + moved); else super(...given); }
  static now() { return RealDate.now() + moved; }
};
`;

/** It counts rows, and fails if it is told to. */
const JOB = `
export default {
  ...(await import(${JSON.stringify(new URL('../../dist/lib/index.js', import.meta.url).href)})).defineJob({
    name: 'direct',
    createRegistry: () => ({
      metrics: () => '# TYPE rows_total counter\\nrows_total ' + process.env.ROWS + '\\n',
    }),
    run() {
      if (process.env.FAILS) throw new Error('told to fail');
      return { recordsProcessed: Number(process.env.ROWS) };
    },
  }),
};
`;

/** How many entries wait; none if a folder goes away while it is read, as a lock's does. */
function waiting(spool: string): number {
  if (!existsSync(spool)) return 0;
  try {
    const names = readdirSync(spool, { recursive: true, encoding: 'utf8' });
    return names.filter((name) => name.endsWith('.json') && !name.includes('rejected')).length;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return 0;
    throw error;
  }
}

/**
 * The runs that a receiver never heard of: a process that is killed between its two entries leaves one of the receivers
 * without.
 */
function killedBefore(ended: readonly Record<string, number>[], stored: StoredSeries): Set<number> {
  const told = new Set(stored.batch_job_last_completion_timestamp_seconds?.map(([, value]) => value));
  return new Set(
    ended.flatMap(({ killed, completedAtMs = 0 }, index) =>
      killed && !told.has(completedAtMs / 1000) ? [index] : [],
    ),
  );
}

function checkRuns(
  stored: StoredSeries,
  all: readonly Record<string, number>[],
  missing: ReadonlySet<number>,
  message: string,
): void {
  const ended = all.filter((_, index) => !missing.has(index));
  // Each at its own time, or two milliseconds after the newest before it.
  const times: number[] = [];
  for (const { completedAtMs = 0 } of all) times.push(Math.max(completedAtMs, (times.at(-1) ?? 0) + 2));
  const values = (name: string) => stored[name]?.map(([, value]) => value) ?? [];
  const at = (name: string) => stored[name]?.map(([time]) => time) ?? [];
  expect(values('batch_job_last_completion_timestamp_seconds'), message).toEqual(
    ended.map(({ completedAtMs = 0 }) => completedAtMs / 1000),
  );
  expect(values('batch_job_success'), message).toEqual(ended.map(({ failed }) => (failed ? 0 : 1)));
  expect(values('batch_job_last_start_timestamp_seconds').length, message).toBeGreaterThanOrEqual(
    ended.length,
  );
  const starts = new Set(all.map(({ startedAtMs = 0 }) => startedAtMs / 1000));
  for (const start of values('batch_job_last_start_timestamp_seconds'))
    expect(starts, message).toContain(start);
  if (missing.size === 0) {
    expect(at('batch_job_success'), message).toEqual(times);
    expect(stored.rows_total, message).toEqual(
      all.flatMap(({ rows = 0 }, index) => [
        [(times[index] ?? 0) - 1, 0],
        [times[index], rows],
      ]),
    );
  }
  const succeeded = ended.filter(({ failed }) => !failed);
  expect(values('batch_job_last_success_timestamp_seconds'), message).toEqual(
    succeeded.map(({ completedAtMs = 0 }) => completedAtMs / 1000),
  );
}
