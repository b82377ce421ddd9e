import { UsageError } from '../../errors.js';
import type { MetricsSource } from '../../exposition/metrics-source.js';
import type { Job } from '../../job/job.js';
import { createSampleJob } from '../../job/sample-job.js';
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

interface JobValues extends SettingValues<typeof sampleSettings> {
  readonly job: string | undefined;
}

/**
 * The job of one run: the module's, or the sample. If `--job` names it, the module is loaded as part of the run, so that
 * one which does not load is a failed run.
 */
export async function findJobToRun(
  host: Host,
  values: JobValues,
  given: ReadonlySet<string>,
  module: string | undefined,
): Promise<Job<MetricsSource>> {
  if (module === undefined || values.job === undefined)
    return findJob(host, values, given, module, 'without --job nothing says whose run this is');
  checkModule(module, given);
  const { createModuleJob } = await import('../../job/module-job.js');
  return createModuleJob(values.job, module, host.cwd);
}

/**
 * The module's job, or the sample; prom-client is loaded only with a job that uses it.
 *
 * @throws UsageError for a module that does not load, with why nothing is pushed of it.
 */
export async function findJob(
  host: Host,
  values: SettingValues<typeof sampleSettings>,
  given: ReadonlySet<string>,
  module: string | undefined,
  whyNotPushed: string,
): Promise<Job<MetricsSource>> {
  if (module !== undefined) {
    checkModule(module, given);
    const { loadJob } = await import('../../job/load-job.js');
    return loadJob(module, host.cwd).catch((error: unknown) => {
      if (!(error instanceof UsageError)) throw error;
      const { message, hint } = error;
      const said = `${message}; nothing was pushed: ${whyNotPushed}`;
      throw new UsageError(said, { cause: error, ...(hint === undefined ? {} : { hint }) });
    });
  }
  const { ticks, interval: intervalMs, seed, failAfter } = values;
  if (failAfter !== undefined && failAfter > ticks) {
    throw new UsageError(`--fail-after: expected at most the number of ticks (${ticks}), got ${failAfter}`);
  }
  return createSampleJob({
    ticks,
    intervalMs,
    ...(seed === undefined ? {} : { seed }),
    ...(failAfter === undefined ? {} : { failAfter }),
  }) as Job<MetricsSource>;
}

function checkModule(module: string, given: ReadonlySet<string>): void {
  if (module === '') throw new UsageError('module: expected a file with a job, got an empty text');
  refuseSampleFlags(given, `no module with it, got ${JSON.stringify(module)}`);
}
