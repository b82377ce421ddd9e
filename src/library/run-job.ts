import { UsageError } from '../errors.js';
import type { MetricsSource } from '../exposition/metrics-source.js';
import { isJob, type Job } from '../job/job.js';
import { withFields } from '../log.js';
import type { RunOptions } from '../run/run-options.js';
import type { RunResult } from '../run/run-result.js';
import { startRun } from '../run/start-run.js';
import { batchSettings, onPushFailureSetting } from '../settings/batch-settings.js';
import {
  checkOptions,
  describeValue,
  hasMethods,
  isCredentials,
  isFunction,
  isGrouping,
  isObject,
  isSpoolLimit,
  isSwitch,
  isTexts,
  millisecondsOf,
  type OptionCheck,
  textOf,
  textOrFalse,
} from './option-check.js';
import { type DiskOptions, type GatewayOptions, resolveDisk, resolveGateway } from './where-to-deliver.js';

type Replaced = keyof GatewayOptions | keyof DiskOptions;

/**
 * The options of `runJob`. Every time is in milliseconds; `undefined` is the default. Where to deliver comes from the
 * environment unless an option says otherwise; what the job is does not.
 */
export interface RunJobOptions extends Omit<RunOptions, Replaced>, GatewayOptions, DiskOptions {}

const checks: Readonly<Record<keyof RunJobOptions, OptionCheck>> = {
  gateway: textOf(batchSettings.gateway),
  credentials: isCredentials,
  httpConfigFile: textOrFalse(batchSettings.httpConfigFile),
  remoteWrite: isTexts,
  remoteWriteFile: textOrFalse(batchSettings.remoteWriteFile),
  env: isObject,
  spool: textOrFalse(batchSettings.spool),
  spoolLimit: isSpoolLimit,
  textfile: textOrFalse(batchSettings.textfile),
  job: textOf(batchSettings.job),
  grouping: isGrouping,
  replace: isSwitch,
  accumulate: isSwitch,
  pushTimeoutMs: millisecondsOf(batchSettings.pushTimeoutMs),
  onPushFailure: textOf(onPushFailureSetting('fail')),
  timeoutMs: millisecondsOf(batchSettings.timeoutMs),
  graceMs: millisecondsOf(batchSettings.graceMs),
  expectedInterval: textOf(batchSettings.expectedInterval),
  due: hasMethods('an object with dueAfter()', 'dueAfter'),
  timezone: textOf(batchSettings.timezone),
  startPush: isSwitch,
  pushIntervalMs: millisecondsOf(batchSettings.pushIntervalMs),
  dryRun: isFunction,
  signal: hasMethods('an AbortSignal', 'addEventListener', 'throwIfAborted'),
  logDelivered: isSwitch,
  log: hasMethods('a log with debug(), info(), warn() and error()', 'debug', 'info', 'warn', 'error'),
  onProgress: isFunction,
  onEnd: isFunction,
};

/**
 * Runs the job once and pushes how it went: the start beside the running job, the outcome and the job's
 * metrics at the end. Resolves however the job and its pushes end, and never exits the process.
 *
 * @throws UsageError when an option or a variable of the environment is malformed; then nothing was run.
 */
export async function runJob<R extends MetricsSource>(
  job: Job<R>,
  given: RunJobOptions = {},
): Promise<RunResult> {
  if (!isJob(job)) {
    throw new UsageError(`job: expected a job that defineJob made, got ${describeValue(job)}`);
  }
  checkOptions(given, checks);
  const log = given.log && withFields(given.log, {});
  return startRun(job, { ...given, ...resolveGateway(given), ...resolveDisk(given), log }).result;
}
