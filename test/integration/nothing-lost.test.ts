import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { Registry } from 'prom-client';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { accumulate } from '../../src/exposition/accumulate.js';
import type { MetricFamily } from '../../src/exposition/family.js';
import { parseFamilies } from '../../src/exposition/parse.js';
import { createRandom, createSampleMetrics, createTick } from '../../src/job/sample-job.js';
import { CLI, startCli } from '../support/cli.js';
import { type FaultProxy, startFaultProxy, type Weather } from '../support/fault-proxy.js';
import { long } from '../support/long.js';
import { type Gateway, pushgatewayBinaries, startPushgateway } from '../support/pushgateway.js';
import { buildVariant } from '../support/variant.js';

/** One run of the sample job, and the way to the gateway while it is under way. */
interface Step {
  readonly ticks: number;
  readonly fails: boolean;
  readonly seed: number;
  readonly weather: Weather;
  /** How many requests pass before the weather begins. */
  readonly passed: number;
  /** How many requests the weather spoils before it clears. */
  readonly spoiled: number;
  /** Ended by SIGKILL as soon as its entry is on disk. */
  readonly killed: boolean;
  /** The gateway is restarted before it, by SIGTERM and with persistence. */
  readonly restarted: boolean;
  /** What the gateway holds cannot be read while it is under way, though pushes pass. */
  readonly unread: boolean;
  /** Where several hosts run the job, each with its own spool: which one does. */
  readonly host: number;
  /** Where runs overlap: it begins together with the one before it. */
  readonly together: boolean;
}

/** How the runs of a sequence are related. */
interface Mode {
  readonly title: string;
  readonly accumulating: boolean;
  readonly hosts: number;
  readonly overlapping: boolean;
}

const PLAIN: Mode = { title: 'one after the other', accumulating: false, hosts: 1, overlapping: false };
const COUNTING: Mode = { ...PLAIN, title: 'one after the other, with --accumulate', accumulating: true };
const OVERLAPPING: Mode = { ...COUNTING, title: 'that overlap, with --accumulate', overlapping: true };
const HOSTS: Mode = { ...PLAIN, title: 'of two hosts in one group', hosts: 2 };
const MODES = [PLAIN, COUNTING, OVERLAPPING, HOSTS];

/** Enough of them take all of a machine's patience: a handful shows what is plainly broken. */
const RUNS = long ? 50 : 3;
const seed = Number(process.env.SEED ?? Math.floor(Math.random() * 2 ** 31));

const step: fc.Arbitrary<Step> = fc.record({
  ticks: fc.integer({ min: 1, max: 4 }),
  fails: fc.boolean(),
  seed: fc.integer({ min: 0, max: 1000 }),
  weather: fc.constantFrom<Weather[]>(
    'up',
    'down',
    'answering 500',
    'stalling',
    'cutting before storing',
    'cutting after storing',
    'cutting after storing',
  ),
  passed: fc.constantFrom(0, 0, 1, 2, 3),
  spoiled: fc.constantFrom(1, 2, 3, 1000),
  killed: fc.boolean(),
  restarted: fc.integer({ min: 0, max: 9 }).map((roll) => roll === 0),
  unread: fc.integer({ min: 0, max: 3 }).map((roll) => roll === 0),
  host: fc.integer({ min: 0, max: 1 }),
  together: fc.boolean(),
});
const steps = fc.array(step, { minLength: 2, maxLength: 5 });

const UP: Step = {
  ticks: 3,
  fails: false,
  seed: 1,
  weather: 'up',
  passed: 0,
  spoiled: 0,
  killed: false,
  restarted: false,
  unread: false,
  host: 0,
  together: false,
};
const DOWN: Step = { ...UP, weather: 'down', spoiled: 1000 };
/** The readings and the start push pass, and the end push is stored, though nobody hears so. */
const LOST_REPLIES: Step = { ...UP, weather: 'cutting after storing', passed: 3, spoiled: 1000 };
const TOGETHER: Step = { ...UP, together: true };

describe.each(pushgatewayBinaries())('the promise, on %s', (_name, binary) => {
  let folder: string;
  let proxy: FaultProxy;
  let gateway: Gateway;
  const persistence = () => ({ persistence: `${folder}/gateway` });
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'prombatch-promise-'));
    proxy = await startFaultProxy();
    if (binary) gateway = await startPushgateway(binary, persistence());
    proxy.target(gateway?.url);
  });
  afterAll(async () => {
    await gateway?.stop();
    await proxy.close();
    rmSync(folder, { recursive: true, force: true });
  });

  let sequence = 0;
  const seen = { killed: 0, failedPushes: 0, restarts: 0, unread: 0, together: 0 };

  /** Carries a sequence out, flushes, and says what the gateway holds and which values it may hold. */
  async function carryOut(given: readonly Step[], mode: Mode, cli: string) {
    const { accumulating, hosts, overlapping } = mode;
    const job = `sequence_${sequence++}`;
    const spoolOf = (host: number): string => join(folder, job, String(host % hosts));
    const flagsOf = (host: number): string[] => ['-g', proxy.address, '--spool', spoolOf(host)];
    let allowed: Record<string, readonly number[]> = {};
    let counted: MetricFamily[] = [];
    const logs: LogLine[][] = [];
    for (const group of overlapping ? groupOverlapping(given) : given.map((one) => [one])) {
      await setWeather(group[0]);
      if (group.length > 1) seen.together++;
      const own = ['--job', job, ...(accumulating ? ['--accumulate'] : [])];
      const ended = await Promise.all(
        group.map(async (current) => {
          const { log, killed } = await runStep(
            current,
            [...flagsOf(current.host), ...own],
            spoolOf(current.host),
            cli,
          );
          logs.push(log);
          if (killed) seen.killed++;
          if (log.some(({ message }) => String(message).includes('kept in the spool'))) seen.failedPushes++;
          const line = log.find(({ status }) => status !== undefined);
          expect(line, JSON.stringify(log)).toBeDefined();
          return line ?? {};
        }),
      );
      for (const current of group) {
        const families = await ownFamilies(current);
        counted = accumulating ? accumulate(counted, families) : families;
      }
      allowed = { ...allowed, ...outcomeValues(ended) };
    }
    proxy.set('up', 0);
    proxy.refuseReadings(false);
    const flushes = [];
    for (let host = 0; host < hosts; host++)
      flushes.push(await startCli(['flush', ...flagsOf(host)], { cli }).result);
    const actual = await gateway.samples(job);
    for (const [name, value] of Object.entries(ownSamples(counted, accumulating))) allowed[name] = [value];
    const compared = <V>(samples: Readonly<Record<string, V>>): Record<string, V> =>
      Object.fromEntries(Object.entries(samples).filter(([name]) => !leftOut(mode).test(name)));
    return { allowed: compared(allowed), held: compared(actual), flushes, logs };
  }

  async function setWeather(first: Step | undefined): Promise<void> {
    if (first?.restarted) {
      await gateway.stop();
      gateway = await startPushgateway(binary ?? '', persistence());
      proxy.target(gateway.url);
      seen.restarts++;
    }
    proxy.set(first?.weather ?? 'up', first?.spoiled ?? 0, first?.passed ?? 0);
    proxy.refuseReadings(first?.unread ?? false);
    if (first?.unread) seen.unread++;
  }

  const check = (cli: string, mode: Mode) => async (given: readonly Step[]) => {
    const { allowed, held, flushes, logs } = await carryOut(given, mode, cli);
    // A failure that comes once has to say all that is known of it.
    const said = [...logs.map((log) => JSON.stringify(log)), ...flushes.map(({ stderr }) => stderr)].join(
      '\n',
    );
    expect(Object.keys(held).sort(), said).toEqual(Object.keys(allowed).sort());
    const wrong = Object.entries(held).filter(([name, value]) => !allowed[name]?.includes(value));
    expect(
      wrong.map(([name, value]) => ({ name, value, allowed: allowed[name] })),
      said,
    ).toEqual([]);
    expect(
      flushes.map(({ code }) => code),
      said,
    ).toEqual(flushes.map(() => 0));
  };

  test.skipIf(!binary).each(MODES.map((mode) => [mode.title, mode] as const))(
    `after the last flush the gateway holds what it would had it always been up (runs %s, ${RUNS} sequences of seed ${seed})`,
    async (_title, mode) => {
      await fc.assert(fc.asyncProperty(steps, check(CLI, mode)), {
        numRuns: RUNS,
        seed,
        endOnFailure: true,
      });
      // Not vacuous: pushes failed, runs were killed, the gateway was restarted.
      if (!long) return;
      expect(seen.killed).toBeGreaterThan(10);
      expect(seen.failedPushes).toBeGreaterThan(10);
      expect(seen.restarts).toBeGreaterThan(2);
      expect(seen.unread).toBeGreaterThan(10);
      if (mode.overlapping) expect(seen.together).toBeGreaterThan(10);
    },
    600_000,
  );

  /** What would be lost: where, by which change, and the runs that show it. */
  const FAULTS = [
    {
      title: 'a double count on a lost reply',
      file: 'delivery/push/send-entry.ts',
      from: 'await onBase?.(entry);',
      to: 'void onBase;',
      mode: COUNTING,
      shownBy: [UP, LOST_REPLIES],
    },
    {
      title: 'a skipped fold',
      file: 'delivery/push/fold-entries.ts',
      from: '      if (next.put) {',
      to: '      if (next) {',
      mode: COUNTING,
      shownBy: [UP, DOWN, DOWN],
    },
    {
      title: 'an overtaking push',
      file: 'delivery/spool/group-folder.ts',
      from: 'listNames(path).sort()',
      to: 'listNames(path).sort().reverse()',
      mode: COUNTING,
      shownBy: [DOWN, { ...DOWN, fails: true }, { ...DOWN, ticks: 1 }],
    },
    {
      title: 'a late run taken for the last',
      file: 'delivery/push/late-entry.ts',
      from: '<= entry.startedAtMs + 0.5)',
      to: '>= 0)',
      mode: HOSTS,
      shownBy: [
        { ...DOWN, fails: true },
        { ...UP, host: 1 },
      ],
    },
    {
      title: 'counts that go on from before the job',
      file: 'delivery/gateway-target.ts',
      from: 'return client.readGroup(key, limits);',
      to: 'base = await client.readGroup(key, limits); await new Promise((go) => setTimeout(go, 500)); return base;',
      mode: OVERLAPPING,
      shownBy: [UP, UP, TOGETHER],
    },
  ];
  test.skipIf(!binary).each(long ? FAULTS.map((fault) => [fault.title, fault] as const) : [])(
    'would notice %s',
    async (_title, { file, from, to, mode, shownBy }) => {
      const variant = await buildVariant(file, from, to, join(folder, `variant-${sequence}.cjs`));
      await check(CLI, mode)(shownBy);
      // On a busy machine a push can miss its deadline, and the fault does not come to bear.
      const tries = async () => {
        for (let count = 0; count < 5; count++) await check(variant, mode)(shownBy);
      };
      await expect(tries()).rejects.toThrow(/./);
    },
    120_000,
  );
});

/**
 * What is not compared: what the gateway itself adds, the wave of the sample, which depends on what was read before the
 * run, and of runs beside each other what is of the last one alone.
 */
function leftOut({ accumulating, overlapping }: Mode): RegExp {
  if (!accumulating) return /^(push_|batch_job_info)/;
  return overlapping
    ? /^(push_|batch_job_info|prom_sample_(labeled_)?gauge)|quantile=/
    : /^(push_|batch_job_info|prom_sample_(labeled_)?gauge)/;
}

/** The runs that begin together. */
function groupOverlapping(steps: readonly Step[]): Step[][] {
  const groups: Step[][] = [];
  for (const step of steps) {
    const last = groups.at(-1);
    if (step.together && last) last.push(step);
    else groups.push([step]);
  }
  return groups;
}

type LogLine = Readonly<Record<string, unknown>>;

async function runStep(
  { ticks, fails, seed: drawn, killed }: Step,
  flags: readonly string[],
  spool: string,
  cli: string,
): Promise<{ log: LogLine[]; killed: boolean }> {
  const failing = fails ? ['--fail-after', String(ticks)] : [];
  const sample = ['--ticks', String(ticks), '--interval', '0', '--seed', String(drawn), ...failing];
  const running = startCli(['run', ...sample, ...flags, '--push-timeout', '250ms', '--log-format', 'json'], {
    cli,
  });
  const isKept = (): boolean => entriesIn(spool).some((name) => name.includes(`-${running.child.pid}-`));
  const watch = killed ? setInterval(() => isKept() && running.child.kill('SIGKILL'), 1) : undefined;
  const { stderr, signal } = await running.result;
  clearInterval(watch);
  const lines = stderr
    .trim()
    .split('\n')
    .filter((line) => line !== '');
  return { log: lines.map((line) => JSON.parse(line)), killed: signal === 'SIGKILL' };
}

/** The entries that wait; none where a folder goes away while it is read, as a lock's does. */
function entriesIn(spool: string): string[] {
  if (!existsSync(spool)) return [];
  try {
    const files = readdirSync(spool, { recursive: true, encoding: 'utf8' });
    return files.filter((name) => /\d{16}-[^/]*\.json$/.test(name) && !name.includes('rejected'));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

/** What the sample records in a run of so many ticks. */
async function ownFamilies({ ticks, seed: drawn }: Step): Promise<MetricFamily[]> {
  const registry = new Registry();
  const tick = createTick(createSampleMetrics(registry), createRandom(drawn));
  for (let position = 1; position <= ticks; position++) tick(position);
  return parseFamilies(await registry.metrics());
}

/** By the name and labels that the gateway shows; the two wave gauges depend on what was read before the run. */
function ownSamples(families: readonly MetricFamily[], accumulating: boolean): Record<string, number> {
  const compared = families.filter(({ type }) => !(accumulating && type === 'gauge'));
  return Object.fromEntries(
    compared
      .flatMap(({ samples }) => samples)
      .map(({ name, labels, value }) => [
        labels.length === 0 ? name : `${name}{${orderLabels(labels).join(',')}}`,
        value,
      ]),
  );
}

/** The gateway writes `le` and `quantile` last. */
function orderLabels(labels: readonly (readonly [string, string])[]): string[] {
  const last = (name: string) => (name === 'le' || name === 'quantile' ? 1 : 0);
  return labels.toSorted(([a], [b]) => last(a) - last(b)).map(([name, value]) => `${name}="${value}"`);
}

/** What may be held of the outcome of runs that ended beside each other: any of them may be the last but in success. */
function outcomeValues(ended: readonly LogLine[]): Record<string, readonly number[]> {
  const all = ended.map(outcomeSamples);
  const values: Record<string, number[]> = {};
  for (const [name, value] of all.flatMap((samples) => Object.entries(samples)))
    values[name] = [...(values[name] ?? []), value];
  const successes = values[SUCCESS];
  return { ...values, ...(successes ? { [SUCCESS]: [Math.max(...successes)] } : {}) };
}

const SUCCESS = 'batch_job_last_success_timestamp_seconds';

function outcomeSamples(ended: LogLine): Record<string, number> {
  const succeeded = ended.status === 'succeeded';
  const completed = Number(ended.completedAtMs) / 1000;
  return {
    batch_job_last_start_timestamp_seconds: Number(ended.startedAtMs) / 1000,
    batch_job_last_completion_timestamp_seconds: completed,
    ...(succeeded ? { [SUCCESS]: completed } : {}),
    batch_job_duration_seconds: Number(ended.durationSeconds),
    batch_job_success: succeeded ? 1 : 0,
    batch_job_exit_code: Number(ended.exitCode),
    batch_job_records_processed: Number(ended.recordsProcessed),
    batch_job_metrics_rejected: 0,
  };
}
