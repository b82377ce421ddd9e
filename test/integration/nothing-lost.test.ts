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
  /** How many requests the weather spoils before it clears. */
  readonly spoiled: number;
  /** Ended by SIGKILL as soon as its entry is on disk. */
  readonly killed: boolean;
  /** The gateway is restarted before it, by SIGTERM and with persistence. */
  readonly restarted: boolean;
}

/** Enough of them take all of a machine's patience: a handful shows what is plainly broken. */
const RUNS = long ? 50 : 4;
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
  spoiled: fc.constantFrom(1, 2, 3, 1000),
  killed: fc.boolean(),
  restarted: fc.integer({ min: 0, max: 9 }).map((roll) => roll === 0),
});
const steps = fc.array(step, { minLength: 2, maxLength: 5 });

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
  const seen = { killed: 0, failedPushes: 0, restarts: 0 };

  /** Carries a sequence out, flushes, and says what the gateway holds and what it should. */
  async function carryOut(given: readonly Step[], accumulating: boolean, cli: string) {
    const job = `sequence_${sequence++}`;
    const spool = join(folder, job);
    const common = ['-g', proxy.address, '--spool', spool];
    let outcome: Record<string, number> = {};
    let counted: MetricFamily[] = [];
    for (const current of given) {
      if (current.restarted) {
        await gateway.stop();
        gateway = await startPushgateway(binary ?? '', persistence());
        proxy.target(gateway.url);
        seen.restarts++;
      }
      proxy.set(current.weather, current.spoiled);
      const { log, killed } = await runStep(
        current,
        [...common, '--job', job, ...(accumulating ? ['--accumulate'] : [])],
        spool,
        cli,
      );
      if (killed) seen.killed++;
      if (log.some(({ message }) => String(message).includes('kept in the spool'))) seen.failedPushes++;
      const ended = log.find(({ status }) => status !== undefined);
      expect(ended, JSON.stringify(log)).toBeDefined();
      const own = await ownFamilies(current);
      counted = accumulating ? accumulate(counted, own) : own;
      outcome = { ...outcome, ...outcomeSamples(ended ?? {}) };
    }
    proxy.set('up', 0);
    const flush = await startCli(['flush', ...common], { cli }).result;
    const actual = await gateway.samples(job);
    const leftOut = accumulating
      ? /^(push_|batch_job_info|prom_sample_(labeled_)?gauge)/
      : /^(push_|batch_job_info)/;
    const compared = Object.fromEntries(Object.entries(actual).filter(([name]) => !leftOut.test(name)));
    return { expected: { ...outcome, ...ownSamples(counted, accumulating) }, compared, flush };
  }

  const check = (cli: string, accumulating: boolean) => async (given: readonly Step[]) => {
    const { expected, compared, flush } = await carryOut(given, accumulating, cli);
    expect(compared, flush.stderr).toEqual(expected);
    expect(flush.code, flush.stderr).toBe(0);
  };

  test.skipIf(!binary).each([false, true])(
    `after the last flush the gateway holds what it would had it always been up (accumulate %s, ${RUNS} sequences of seed ${seed})`,
    async (accumulating) => {
      await fc.assert(fc.asyncProperty(steps, check(CLI, accumulating)), {
        numRuns: RUNS,
        seed,
        endOnFailure: true,
      });
      // Not vacuous: pushes failed, runs were killed, the gateway was restarted.
      if (!long) return;
      expect(seen.killed).toBeGreaterThan(10);
      expect(seen.failedPushes).toBeGreaterThan(10);
      expect(seen.restarts).toBeGreaterThan(2);
    },
    300_000,
  );

  const FAULTS = [
    [
      'a double count on a lost reply',
      'delivery/push/send-entry.ts',
      'await onBase?.(entry);',
      'void onBase;',
    ],
    ['a skipped fold', 'delivery/push/fold-entries.ts', '      if (next.put) {', '      if (next) {'],
    [
      'an overtaking push',
      'delivery/spool/group-folder.ts',
      'listNames(path).sort()',
      'listNames(path).sort().reverse()',
    ],
  ] as const;
  test.skipIf(!binary).each(long ? FAULTS : [])(
    'would notice %s',
    async (_title, file, from, to) => {
      const variant = await buildVariant(file, from, to, join(folder, `variant-${sequence}.cjs`));
      const broken = fc.assert(fc.asyncProperty(steps, check(variant, true)), {
        // It ends with the first that is found; of sixty, none was found once.
        numRuns: 300,
        seed,
        endOnFailure: true,
      });
      await expect(broken).rejects.toThrow('Property failed');
    },
    600_000,
  );
});

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
  const watch = killed
    ? setInterval(() => entriesIn(spool).length > before && running.child.kill('SIGKILL'), 1)
    : undefined;
  const before = entriesIn(spool).length;
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

function outcomeSamples(ended: LogLine): Record<string, number> {
  const succeeded = ended.status === 'succeeded';
  const completed = Number(ended.completedAtMs) / 1000;
  return {
    batch_job_last_start_timestamp_seconds: Number(ended.startedAtMs) / 1000,
    batch_job_last_completion_timestamp_seconds: completed,
    ...(succeeded ? { batch_job_last_success_timestamp_seconds: completed } : {}),
    batch_job_duration_seconds: Number(ended.durationSeconds),
    batch_job_success: succeeded ? 1 : 0,
    batch_job_exit_code: Number(ended.exitCode),
    batch_job_records_processed: Number(ended.recordsProcessed),
    batch_job_metrics_rejected: 0,
  };
}
