import { UsageError } from '../errors.js';
import type { Host } from '../host.js';
import type { Job, MetricsSource } from '../job/job.js';
import { createLog } from '../log.js';
import { createProgressBar } from '../progress-bar.js';
import { batchSettings, logSettings, onPushFailureSetting } from '../settings/batch-settings.js';
import { timerDuration, wholeNumber } from '../settings/parsers.js';
import type { SettingValues } from '../settings/setting.js';
import { defineCommand } from './command.js';
import { runOnce } from './run-once.js';
import { withGateway } from './with-gateway.js';

const sampleSettings = {
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

const settings = {
  ...batchSettings,
  keep: {
    kind: 'switch',
    flags: '--keep',
    env: [],
    help: 'with --gateway embedded: leave it up after the run, until a signal',
  },
  onPushFailure: onPushFailureSetting('fail'),
  ...sampleSettings,
  ...logSettings,
} as const;

type Values = SettingValues<typeof settings>;

export const run = defineCommand({
  name: 'run',
  arguments: '[module]',
  summary: 'run a job once and push its metrics; without a module: the sample job',
  notes: `Exit codes:
  0      the job succeeded, and its metrics were delivered (or --on-push-failure is warn)
  1      the job failed
  2      malformed arguments; nothing was run
  3      the job succeeded, but its metrics were not delivered
  124    the job ran past --timeout
  128+n  ended by signal n, after its outcome was pushed or kept in the spool
  70     a bug in prombatch`,
  settings,
  async run(host, { values, given, args: [module] }) {
    const job = await findJob(host, values, given, module);
    const bar = createProgressBar(host.stderr, job.name, !values.quiet && values.logFormat === 'text');
    const log = createLog({ format: values.logFormat, quiet: values.quiet, write: bar.print });
    return withGateway({ host, log, results: host.stdout, ...values }, (delivery) =>
      runOnce(host, job, { ...values, ...delivery }, { log, onProgress: bar.update, onEnd: bar.clear }),
    );
  },
});

/** The module's job, or the sample; prom-client is loaded only with a job that uses it. */
async function findJob(
  host: Host,
  values: Values,
  given: ReadonlySet<string>,
  module: string | undefined,
): Promise<Job<MetricsSource>> {
  if (module !== undefined) {
    const foreign = Object.entries(sampleSettings).find(([name]) => given.has(name));
    if (foreign) {
      throw new UsageError(
        `${foreign[1].flags.split(' ')[0]}: expected no module with it, got ${JSON.stringify(module)}`,
        {
          hint: 'it is a flag of the sample job, which runs when no module is given',
        },
      );
    }
    const { loadJob } = await import('../job/load-job.js');
    return loadJob(module, host.cwd);
  }
  const { ticks, interval: intervalMs, seed, failAfter } = values;
  if (failAfter !== undefined && failAfter > ticks) {
    throw new UsageError(`--fail-after: expected at most the number of ticks (${ticks}), got ${failAfter}`);
  }
  const { createSampleJob } = await import('../job/sample-job.js');
  return createSampleJob({
    ticks,
    intervalMs,
    ...(seed === undefined ? {} : { seed }),
    ...(failAfter === undefined ? {} : { failAfter }),
  }) as Job<MetricsSource>;
}
