import { createGroupingKey, type Grouping, type GroupingKey } from '../delivery/grouping-key.js';
import type { Credentials } from '../delivery/http/access.js';
import { DEFAULT_SPOOL_LIMITS, type SpoolLimits } from '../delivery/spool/spool-limits.js';
import { UsageError } from '../errors.js';
import type { DuePlan } from '../job/due.js';
import { type Log, silentLog, withFields } from '../log.js';
import { BATCH_LABEL_NAMES } from '../outcome/batch-metrics.js';
import type { RunOutcome } from '../outcome/outcome.js';

/** Where a Pushgateway usually is. */
export const DEFAULT_GATEWAY = 'http://localhost:9091';

/** How a run is delivered and bounded. Every time is in milliseconds; `undefined` is the default. */
export interface RunOptions {
  /** The Pushgateway: `host:port`, an http(s) URL, or `none`. Default: `http://localhost:9091`. */
  readonly gateway?: string | undefined;
  /**
   * Receivers of remote write, such as `http://prometheus:9090/api/v1/write`, with userinfo if one wants it. Without a
   * gateway, they are the only targets.
   */
  readonly remoteWrite?: readonly string[] | undefined;
  /** A file in the YAML form of Prometheus' `remote_write`: further receivers, and how to get in. */
  readonly remoteWriteFile?: string | undefined;
  /** The grouping label `job`. Default: the job's name. */
  readonly job?: string | undefined;
  /** Further grouping labels, as an object or as pairs. */
  readonly grouping?: Readonly<Record<string, string>> | Grouping | undefined;
  /** The final push of a success replaces the whole group (PUT). Default: false. */
  readonly replace?: boolean | undefined;
  /**
   * Counters, histograms and summaries' sums and counts go on from what the gateway holds, so that `rate()` means
   * something. One writer a group. Default: false.
   */
  readonly accumulate?: boolean | undefined;
  /** One deadline over all tries of the end push. Default: 15,000; after a stop at most 3,000. */
  readonly pushTimeoutMs?: number | undefined;
  /** Whether a push failure counts in the exit code. Default: `fail`. */
  readonly onPushFailure?: 'fail' | 'warn' | undefined;
  /** The job's deadline. Default: 0, which is none. */
  readonly timeoutMs?: number | undefined;
  /** What the job gets to end after it was asked to stop. Default: 5,000. */
  readonly graceMs?: number | undefined;
  /** How often the job should succeed: a duration such as `1h`, or a cron expression. */
  readonly expectedInterval?: string | undefined;
  /** Says when the next success is due, where the schedule is known; outranks `expectedInterval`. */
  readonly due?: DuePlan | undefined;
  /** The IANA time zone of a cron expression. Default: the system's. */
  readonly timezone?: string | undefined;
  /** Push when the run begins. Default: true. */
  readonly startPush?: boolean | undefined;
  /** Push the job's metrics while it runs, every so often. Default: 0, which is never. */
  readonly pushIntervalMs?: number | undefined;
  /** A folder in which the end push is kept until the gateway has it; `undefined` is none. Default: none. */
  readonly spool?: string | undefined;
  /** A folder of node_exporter's textfile collector, to write the run's metrics to as well. */
  readonly textfile?: string | undefined;
  /** How much the spool may hold. Default: 1,000 entries and 64 MiB. */
  readonly spoolLimit?: SpoolLimits | undefined;
  /** A user and password for the gateway, where its address has none. */
  readonly credentials?: Credentials | undefined;
  /** A file in the YAML form of Prometheus' `http_config`. */
  readonly httpConfigFile?: string | undefined;
  /** Shows what would be pushed instead of pushing it. */
  readonly dryRun?: ((text: string) => void) | undefined;
  /** Stops the run when it aborts. */
  readonly signal?: AbortSignal | undefined;
  /** Whether to say where the metrics of a run went; what went wrong is always said. Default: true. */
  readonly logDelivered?: boolean | undefined;
  /** Default: a log that says nothing. */
  readonly log?: Log | undefined;
  /** Told of the job's progress. */
  readonly onProgress?: ((done: number, total: number | undefined) => void) | undefined;
  /** Told when the job has ended, before its outcome is pushed. */
  readonly onEnd?: ((outcome: RunOutcome) => void) | undefined;
}

/** The options of one run, checked, with their defaults, in the groups that use them. */
export interface ResolvedRunOptions {
  readonly key: GroupingKey;
  readonly delivery: DeliverySettings;
  readonly pushes: PushSettings;
  /** When the next success is due, if that is known. */
  readonly schedule: Pick<RunOptions, 'due' | 'expectedInterval' | 'timezone'>;
  readonly job: JobSettings;
  /** Its lines carry the job and the grouping. */
  readonly log: Log;
  /** Whether to say where the metrics went. */
  readonly logDelivered: boolean;
  readonly onEnd: (outcome: RunOutcome) => void;
}

/** Where a run's metrics go. */
export interface DeliverySettings
  extends Pick<RunOptions, 'spool' | 'textfile' | 'credentials' | 'httpConfigFile' | 'dryRun'> {
  readonly gateway: string;
  readonly remoteWrite: readonly string[];
  readonly remoteWriteFile: string | undefined;
  readonly replace: boolean;
  readonly accumulate: boolean;
  readonly spoolLimit: SpoolLimits;
  readonly onPushFailure: 'fail' | 'warn';
}

/** Which pushes there are, and how long the last may take. */
export interface PushSettings {
  readonly start: boolean;
  readonly intervalMs: number;
  readonly timeoutMs: number;
}

/** What the job is run with. */
export interface JobSettings {
  readonly stop: AbortSignal;
  readonly timeoutMs: number;
  readonly graceMs: number;
  readonly log: Log;
  readonly onProgress: (done: number, total: number | undefined) => void;
}

/** @throws UsageError that names the option, what was expected and what came. */
export function resolveRunOptions(jobName: string, given: RunOptions): ResolvedRunOptions {
  const { logDelivered = true, onEnd = () => {} } = given;
  const key = resolveKey(jobName, given);
  const facts = { job: key.job, grouping: Object.fromEntries(key.grouping) };
  const log = withFields(given.log ?? silentLog, facts);
  return {
    key,
    delivery: resolveDelivery(given),
    pushes: resolvePushes(given),
    schedule: given,
    job: resolveJob(given, log),
    log,
    logDelivered,
    onEnd,
  };
}

function resolveDelivery(given: RunOptions): DeliverySettings {
  const { onPushFailure = 'fail', remoteWrite = [], remoteWriteFile } = given;
  const gateway = resolveGatewayName(given);
  const { spool, textfile, credentials, httpConfigFile, dryRun, spoolLimit = DEFAULT_SPOOL_LIMITS } = given;
  const targets = { gateway, spool, spoolLimit, textfile, credentials, httpConfigFile, dryRun };
  return { ...targets, remoteWrite, remoteWriteFile, onPushFailure, ...resolveMode(given) };
}

/** The gateway that is named, or the usual one if nothing is. */
export function resolveGatewayName(
  given: Pick<RunOptions, 'gateway' | 'remoteWrite' | 'remoteWriteFile'>,
): string {
  return given.gateway ?? (hasReceivers(given) ? 'none' : DEFAULT_GATEWAY);
}

export function hasReceivers({
  remoteWrite = [],
  remoteWriteFile,
}: Pick<RunOptions, 'remoteWrite' | 'remoteWriteFile'>): boolean {
  return remoteWrite.length > 0 || remoteWriteFile !== undefined;
}

function resolvePushes({
  startPush = true,
  pushIntervalMs = 0,
  pushTimeoutMs = 15_000,
}: RunOptions): PushSettings {
  return {
    start: startPush,
    intervalMs: pushIntervalMs,
    timeoutMs: pushTimeoutMs,
  };
}

function resolveJob(given: RunOptions, log: Log): JobSettings {
  const { timeoutMs = 0, graceMs = 5000, onProgress = () => {} } = given;
  const { signal: stop = new AbortController().signal } = given;
  return {
    stop,
    timeoutMs,
    graceMs,
    log,
    onProgress,
  };
}

function resolveMode(given: RunOptions): { replace: boolean; accumulate: boolean } {
  const { replace = false, accumulate = false } = given;
  if (replace && accumulate) {
    throw new UsageError('accumulate: expected it without replace, got both', {
      hint: 'a push that replaces the whole group has nothing to go on from',
    });
  }
  const alone = hasReceivers(given) && resolveGatewayName(given) === 'none';
  if (alone && (replace || (accumulate && given.textfile === undefined))) {
    throw new UsageError(`${replace ? 'replace' : 'accumulate'}: expected a gateway with it, got none`, {
      hint: 'by remote write each run is a sample of its own, and there is nothing to replace or to go on from',
    });
  }
  return { replace, accumulate };
}

/**
 * The key of a run's group.
 *
 * @throws UsageError
 */
export function resolveKey(
  jobName: string,
  given: Pick<RunOptions, 'job' | 'grouping' | 'textfile' | 'remoteWrite' | 'remoteWriteFile'>,
): GroupingKey {
  const pairs = toPairs(given.grouping ?? []);
  if (given.textfile !== undefined && pairs.some(([name]) => name === 'batch_job')) {
    throw new UsageError(
      'grouping: expected a label other than "batch_job" with textfile, which adds it itself',
    );
  }
  if (hasReceivers(given) && pairs.some(([name]) => name === 'delivery')) {
    throw new UsageError(
      'grouping: expected a label other than "delivery" with remote-write, which adds it itself',
    );
  }
  for (const [name, value] of pairs) {
    const own = BATCH_LABEL_NAMES.find((label) => label === name);
    if (own) {
      throw new UsageError(`grouping: expected a label other than "${own}", got "${own}=${value}"`, {
        hint: "the gateway would overwrite with it the label of the batch pattern's own metrics",
      });
    }
  }
  return createGroupingKey(given.job ?? jobName, pairs);
}

function toPairs(grouping: NonNullable<RunOptions['grouping']>): Grouping {
  return Array.isArray(grouping) ? grouping : Object.entries(grouping);
}
