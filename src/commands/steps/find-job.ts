import { UsageError } from '../../errors.js';
import type { MetricsSource } from '../../exposition/metrics-source.js';
import type { Job } from '../../job/job.js';
import type { Host } from '../../process/host.js';
import { timerDuration, wholeNumber } from '../../settings/parsers.js';
import { longFlag, type SettingValues } from '../../settings/setting.js';

/** What only the sample job knows. */
export const sampleSettings = {
  ticks: {
    kind: 'value',
    flags: '--ticks <n>',
    env: [],
    help: 'sample job: how many ticks',
    parse: wholeNumber(0, 1_000_000_000),
    expected: 'a whole number of ticks, 0 or more',
    default: '13',
  },
  interval: {
    kind: 'value',
    flags: '--interval <duration>',
    env: [],
    help: 'sample job: between two ticks',
    parse: timerDuration({ zero: 'allowed' }),
    expected: 'a duration such as 100ms or 2s',
    default: '100ms',
  },
  seed: {
    kind: 'value',
    flags: '--seed <n>',
    env: [],
    help: 'sample job: the same seed gives the same metrics',
    parse: wholeNumber(0, 2 ** 32 - 1),
    expected: 'a whole number from 0 to 4294967295',
  },
  failAfter: {
    kind: 'value',
    flags: '--fail-after <n>',
    env: [],
    help: 'sample job: fail after n ticks, to rehearse an alert',
    parse: wholeNumber(0, 1_000_000_000),
    expected: 'a whole number of ticks, 0 or more',
  },
} as const;

/** @throws UsageError where a flag of the sample is given for another job; `expected` ends the sentence. */
export function refuseSampleFlags(given: ReadonlySet<string>, expected: string): void {
  const flag = Object.entries(sampleSettings).find(([name]) => given.has(name));
  if (!flag) return;
  throw new UsageError(`${longFlag(flag[1])}: expected ${expected}`, {
    hint: 'it is a flag of the sample job, which runs when no module or command is given',
  });
}

/** The module's job, or the sample; prom-client is loaded only with a job that uses it. */
export async function findJob(
  host: Host,
  values: SettingValues<typeof sampleSettings>,
  given: ReadonlySet<string>,
  module: string | undefined,
): Promise<Job<MetricsSource>> {
  if (module !== undefined) {
    refuseSampleFlags(given, `no module with it, got ${JSON.stringify(module)}`);
    const { loadJob } = await import('../../job/load-job.js');
    return loadJob(module, host.cwd);
  }
  const { ticks, interval: intervalMs, seed, failAfter } = values;
  if (failAfter !== undefined && failAfter > ticks) {
    throw new UsageError(`--fail-after: expected at most the number of ticks (${ticks}), got ${failAfter}`);
  }
  const { createSampleJob } = await import('../../job/sample-job.js');
  return createSampleJob({
    ticks,
    intervalMs,
    ...(seed === undefined ? {} : { seed }),
    ...(failAfter === undefined ? {} : { failAfter }),
  }) as Job<MetricsSource>;
}
