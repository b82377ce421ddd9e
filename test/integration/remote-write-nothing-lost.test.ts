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
  /** How many requests pass before it begins: start, outcome and the job's own families are one each. */
  readonly passed: number;
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
  passed: fc.constantFrom(0, 0, 1, 2),
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

const CLEAR: Way = { weather: 'up', passed: 0, spoiled: 0 };
const UP: Step = { rows: 3, fails: false, killed: false, clock: 0, ways: [CLEAR, CLEAR] };

/** A run whose way to the first receiver is spoiled after so many requests. */
function spoiledFrom(weather: Weather, passed: number, spoiled: number): Step {
  return { ...UP, ways: [{ weather, passed, spoiled }, CLEAR] };
}

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
        const { weather = 'up', spoiled = 0, passed = 0 } = ways[index] ?? {};
        proxy.set(weather, spoiled, passed);
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
    expect(setAside(spool), flush.stdout + flush.stderr).toEqual([]);
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

  /** What would be lost: where, by which change, and the runs that show it. */
  const FAULTS = [
    {
      title: 'a time that is given twice',
      file: 'delivery/remote-write/entry/entry.ts',
      from: 'Math.max(Math.floor(nowMs), newestMs + 2)',
      to: 'Math.floor(nowMs)',
      shownBy: [UP, { ...UP, clock: -1800 }],
    },
    {
      title: 'a repetition that is taken for a refusal',
      file: 'delivery/remote-write/send-parts.ts',
      from: 'if (result.tooOld && second &&',
      to: 'if (false && second &&',
      shownBy: [UP, spoiledFrom('cutting after storing', 2, 1)],
    },
    {
      title: 'an entry that is taken away before it is sent',
      file: 'delivery/remote-write/spool/replay.ts',
      from: 'if (!ownWaits)',
      to: 'if (ownWaits) return true; if (!ownWaits)',
      shownBy: [UP, spoiledFrom('down', 2, 1000)],
    },
  ];
  test
    .skipIf(!program.binary)
    .each(long && program.kind === 'prometheus' ? FAULTS.map((fault) => [fault.title, fault] as const) : [])(
    'would notice %s',
    async (_title, { file, from, to, shownBy }) => {
      const variant = await buildVariant(file, from, to, join(folder, `variant-${sequence}.cjs`));
      await check(CLI)(shownBy);
      // On a busy machine a push can miss its deadline, and the fault does not come to bear.
      const tries = async () => {
        for (let count = 0; count < 5; count++) await check(variant)(shownBy);
      };
      await expect(tries()).rejects.toThrow(/./);
    },
    120_000,
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

/** What was set aside as refused: nothing that was stored, and here nothing is too old. */
function setAside(spool: string): string[] {
  if (!existsSync(spool)) return [];
  return readdirSync(spool, { recursive: true, encoding: 'utf8' }).filter((name) =>
    /rejected.*\.json$/.test(name),
  );
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
  expect(new Set(values('batch_job_metrics_rejected')), message).toEqual(
    new Set(ended.length > 0 ? [0] : []),
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
