import { UsageError } from '../errors.js';
import { exitCodeOfSignal } from '../exit-codes.js';
import { type AnyJob, isCommand } from '../job/any-job.js';
import type { Log } from '../log.js';
import type { Host } from '../process/host.js';
import { exitCodeOfRuns } from '../run/exit-code.js';
import { openSpoolCount } from '../run/open-targets.js';
import { resolveRunOptions } from '../run/run-options.js';
import { checkRun, type StartedRun, startRun } from '../run/start-run.js';
import { dialectDifferences } from '../schedule/dialects.js';
import type { Scheduler, SchedulerEnd } from '../schedule/scheduler.js';
import { batchSettings, logSettings, onPushFailureSetting } from '../settings/batch-settings.js';
import { listenAddress, timerDuration, wholeNumber } from '../settings/parsers.js';
import type { SettingValues } from '../settings/setting.js';
import { cannotListen } from './steps/cannot-listen.js';
import { defineCommand } from './steps/command.js';
import { resolveCommandJob } from './steps/command-job.js';
import { findJob, refuseSampleFlags, sampleSettings } from './steps/find-job.js';
import { openLog } from './steps/open-log.js';
import { stopCrashed } from './steps/run-once.js';
import { runOptionsOf } from './steps/run-options-of.js';
import { sayHurrying, secondSignal } from './steps/say-stopping.js';
import { withGateway } from './steps/with-gateway.js';

const settings = {
  ...batchSettings,
  onPushFailure: onPushFailureSetting('warn'),
  maxRuns: {
    kind: 'value',
    flags: '--max-runs <n>',
    env: ['PROMBATCH_MAX_RUNS'],
    help: 'end after so many runs',
    parse: wholeNumber(1, 1_000_000_000),
    expected: 'a whole number of runs, 1 or more',
  },
  jitterMs: {
    kind: 'value',
    flags: '--jitter <duration>',
    env: ['PROMBATCH_JITTER'],
    help: 'begin each run up to so much later, at random',
    parse: timerDuration({ zero: 'allowed' }),
    expected: 'a duration of at most 24d such as 30s',
    default: '0',
  },
  runOnStart: {
    kind: 'switch',
    flags: '--run-on-start',
    env: ['PROMBATCH_RUN_ON_START'],
    help: 'begin a run at once, too',
  },
  listen: {
    kind: 'value',
    flags: '--listen <address>',
    env: ['PROMBATCH_LISTEN'],
    help: 'serve /metrics, /healthz and /readyz at host:port',
    parse: listenAddress,
    expected: 'host:port such as 127.0.0.1:9464, or :9464 for all addresses',
  },
  ...sampleSettings,
  ...logSettings,
} as const;

type Values = SettingValues<typeof settings>;

export const schedule = defineCommand({
  splitsAtDashes: true,
  excessHint:
    "quote the expression, or the shell puts file names for each *: prombatch schedule '*/5 * * * *'",
  notes: `The expression has five fields, six with the seconds first, or is a name such as @daily. A tick during a run is
skipped. On SIGTERM no new run begins; the one under way gets --grace to end.

Examples:
  prombatch schedule '*/5 * * * *' ./import-orders.mjs
  prombatch schedule '30 2 * * *' --timezone Europe/Berlin -- backup.sh --full

Exit codes:
  0      ended by a signal, or after --max-runs of which all succeeded
  1      ended after --max-runs of which some failed
  2      malformed arguments, or a module that does not load; nothing was run and nothing was pushed
  3      ended after --max-runs that all succeeded, of which some were not delivered, with --on-push-failure fail
  128+n  ended by signal n, and the run that was under way had to be stopped
  70     a bug in prombatch`,
  settings,
  async run(host, { values, given, args: [expression = '', module], trailingArgs }) {
    const { checkCronExpression } = await import('../schedule/cron-ticks.js');
    checkCronExpression(expression);
    const log = openLog(host, values);
    for (const difference of dialectDifferences(expression))
      log.warn(`cron: ${difference}`, { event: 'cron_dialect' });
    if (trailingArgs && module !== undefined) {
      throw new UsageError(`expected a module or a command behind --, got both: ${module}`);
    }
    if (trailingArgs) refuseSampleFlags(given, 'no command with it, got one behind --');
    const job = trailingArgs
      ? resolveCommandJob(host, trailingArgs, values, log)
      : await findJob(host, values, given, module, 'the schedule does not start');
    return withGateway({ host, log, results: host.stdout, keep: false, ...values }, (delivery) =>
      keepRunning(host, job, { ...values, ...delivery }, expression, log),
    );
  },
});

async function keepRunning(
  host: Host,
  job: AnyJob,
  values: Values,
  expression: string,
  givenLog: Log,
): Promise<number> {
  const { createScheduler } = await import('../schedule/scheduler.js');
  const options = { ...runOptionsOf(host, values, givenLog), logDelivered: false };
  // What is malformed is told now, and not each time that a run begins.
  await checkRun(job.name, options);
  const resolved = resolveRunOptions(job.name, options);
  const { log } = resolved;
  let current: StartedRun | undefined;
  const scheduler = createScheduler({
    ...values,
    expression,
    secondSignal: secondSignal(job),
    log,
    async run({ stop, due, jobEnded }) {
      current = startRun(job, {
        ...options,
        due: values.expectedInterval === undefined ? due : undefined,
        signal: stop,
        onEnd: jobEnded,
      });
      try {
        return await current.result;
      } finally {
        current = undefined;
      }
    },
  });
  const countSpooled = await openSpoolCount(resolved);
  const closePages = await openPages(values, job, scheduler, countSpooled, log);
  const unguard = host.guard({
    log,
    current: () => current,
    stop: (signal) => {
      if (current?.phase() === 'delivering') sayHurrying(log, signal, options);
      scheduler.stop(signal);
    },
    crash: (reason) => stopCrashed(job, reason, log, scheduler.abortRun),
    ...(isCommand(job) ? { passOn: job.passOn } : {}),
  });
  try {
    scheduler.start();
    const { nextTickMs } = scheduler.state();
    if (nextTickMs !== undefined) {
      const next = new Date(nextTickMs).toISOString();
      log.info(`${values.job ?? job.name} on ${JSON.stringify(expression)}; next at ${next}`, {
        event: 'schedule_started',
        next,
      });
    }
    return exitCodeOf(await scheduler.ended, values);
  } finally {
    unguard();
    await closePages();
  }
}

function exitCodeOf({ signal, aborted, ...runs }: SchedulerEnd, values: Values): number {
  if (signal !== undefined) return aborted ? exitCodeOfSignal(signal) : 0;
  return exitCodeOfRuns(runs, values.onPushFailure);
}

/** Serves what the scheduler tells of itself, where an address for that is given; resolves with what ends it. */
async function openPages(
  { listen: address, job: name }: Values,
  job: AnyJob,
  scheduler: Scheduler,
  countSpooled: () => number,
  log: Log,
): Promise<() => Promise<void>> {
  if (!address) return async () => {};
  const { openSchedulerPages } = await import('../schedule/scheduler-pages.js');
  try {
    const pages = await openSchedulerPages(address, { job: name ?? job.name, scheduler, countSpooled });
    log.info(`scheduler's metrics at ${pages.url}/metrics`, { event: 'listening', url: pages.url });
    return pages.close;
  } catch (error) {
    throw cannotListen('--listen', address, error);
  }
}
