import type { GatewayGroup } from '../exposition/api-groups.js';
import type { Labels } from '../exposition/family.js';
import type { BatchMetricName } from '../outcome/batch-metrics.js';

/** How a job stands: by its run that has begun and not ended, or else by its last run. */
export type JobState =
  | 'succeeded'
  | 'failed'
  | 'running'
  /** A run began, and has told of no end for too long. */
  | 'killed'
  | 'no_batch_metrics'
  /** Expected, and not on the gateway. */
  | 'missing';

/** What is wrong with a job, the worst first. */
export const PROBLEMS = [
  'missing',
  'failed',
  'killed',
  'overdue',
  'never_succeeded',
  'push_refused',
  'metrics_rejected',
] as const;
export type Problem = (typeof PROBLEMS)[number];

/**
 * What is known of a job from its group. This is the form of `prombatch status --json`; the table and the page show the
 * same. Times are in seconds since the epoch, spans in seconds. What is not known is not there.
 */
export interface JobView {
  readonly job: string;
  /** The grouping labels without `job`. */
  readonly labels: Readonly<Record<string, string>>;
  readonly state: JobState;
  /** Empty if all is well; the worst first. */
  readonly problems: readonly Problem[];
  /** Of the last run that ended. */
  readonly lastRunSucceeded?: boolean;
  /** Of the last run that ended. */
  readonly exitCode?: number;
  /** Since when a run is under way, or was until it was probably killed. */
  readonly runningSinceSeconds?: number;
  readonly runningForSeconds?: number;
  readonly lastSuccessSeconds?: number;
  /** Negative if the job's clock was ahead. */
  readonly lastSuccessAgeSeconds?: number;
  /** By when the next success is due; with `maxAgeSeconds`, also that of a job that does not say so. */
  readonly dueSeconds?: number;
  /** Until it is due. Not of an overdue job. */
  readonly dueInSeconds?: number;
  /** Since it was due. */
  readonly overdueSeconds?: number;
  /** Of the last run that ended. */
  readonly durationSeconds?: number;
  /** Of the last run that ended. */
  readonly recordsProcessed?: number;
  readonly lastPushSeconds?: number;
  readonly lastPushAgeSeconds?: number;
  /** When the gateway last refused a push, if it took none since. */
  readonly pushRefusedSeconds?: number;
}

export interface JobViewOptions {
  /** How old a success may be of a job that does not say how often it should succeed. */
  readonly maxAgeSeconds?: number | undefined;
}

/** After what silence a run that told of its start only counts as killed, if no run ever ended (the alert's limit). */
const FIRST_RUN_LIMIT_SECONDS = 86_400;
/** What a run gets in any case: an end push and its retries take their time. */
const GRACE_SECONDS = 300;

/** One view of a job from what the gateway holds of it. */
export function viewJob(group: GatewayGroup, nowSeconds: number, options: JobViewOptions = {}): JobView {
  const facts = readFacts(group);
  const run = viewRun(facts, nowSeconds);
  const success = viewSuccess(facts, nowSeconds, options);
  const push = viewPushes(facts, nowSeconds);
  const ended = facts.batch_job_last_completion_timestamp_seconds !== undefined;
  const found: Readonly<Record<Problem, boolean>> = {
    missing: false,
    failed: run.lastRunSucceeded === false,
    killed: run.state === 'killed',
    overdue: success.overdueSeconds !== undefined,
    never_succeeded: ended && success.lastSuccessSeconds === undefined,
    push_refused: push.pushRefusedSeconds !== undefined,
    metrics_rejected: facts.batch_job_metrics_rejected === 1,
  };
  return {
    ...identityOf(group.labels),
    problems: PROBLEMS.filter((problem) => found[problem]),
    ...run,
    ...success,
    ...push,
  };
}

/** The view of a job that is expected and not there. */
export function viewMissing(job: string): JobView {
  return { job, labels: {}, state: 'missing', problems: ['missing'] };
}

function identityOf(labels: Labels): Pick<JobView, 'job' | 'labels'> {
  const { job = '', ...grouping } = Object.fromEntries(labels);
  return { job, labels: grouping };
}

type GatewayMetricName = 'push_time_seconds' | 'push_failure_time_seconds';
type Facts = Readonly<Partial<Record<BatchMetricName | GatewayMetricName, number>>>;

/**
 * The values that carry no label, by name: what has one is not prombatch's, nor is the sum of a histogram, and what is not
 * finite is no fact.
 */
function readFacts({ families }: GatewayGroup): Facts {
  const values = families
    .filter(({ name }) => /^(?:batch_job|push)_/.test(name))
    .flatMap(({ name, samples }) =>
      samples.filter((sample) => sample.name === name && sample.labels.length === 0),
    )
    .map(({ name, value }) => [name, value] as const);
  return Object.fromEntries(values.filter(([, value]) => Number.isFinite(value)));
}

function viewRun(
  facts: Facts,
  nowSeconds: number,
): Pick<
  JobView,
  | 'state'
  | 'lastRunSucceeded'
  | 'exitCode'
  | 'runningSinceSeconds'
  | 'runningForSeconds'
  | 'durationSeconds'
  | 'recordsProcessed'
> {
  const start = facts.batch_job_last_start_timestamp_seconds;
  const open = start !== undefined && start > (facts.batch_job_last_completion_timestamp_seconds ?? -1);
  const lastRunSucceeded = readOutcome(facts);
  const ended =
    lastRunSucceeded === undefined ? 'no_batch_metrics' : lastRunSucceeded ? 'succeeded' : 'failed';
  const state = !open ? ended : isSilent(facts, start, nowSeconds) ? 'killed' : 'running';
  return {
    state,
    ...known('lastRunSucceeded', lastRunSucceeded),
    ...known('exitCode', facts.batch_job_exit_code),
    ...(open ? { runningSinceSeconds: start, runningForSeconds: Math.max(0, nowSeconds - start) } : {}),
    ...known('durationSeconds', facts.batch_job_duration_seconds),
    ...known('recordsProcessed', facts.batch_job_records_processed),
  };
}

/** How the last run that ended went. Jobs of other tools may push a part of the batch metrics only. */
function readOutcome(facts: Facts): boolean | undefined {
  const { batch_job_success: success, batch_job_exit_code: exitCode } = facts;
  if (success !== undefined) return success === 1;
  if (exitCode !== undefined) return exitCode === 0;
  const completion = facts.batch_job_last_completion_timestamp_seconds;
  const lastSuccess = facts.batch_job_last_success_timestamp_seconds;
  if (completion === undefined && lastSuccess === undefined) return undefined;
  return lastSuccess !== undefined && lastSuccess >= (completion ?? lastSuccess);
}

/**
 * Whether a run has been silent for so long that it was probably killed: since its start, and since the last push of its
 * group, for three times what the last run took and five minutes. Once the job is overdue, what the last run took and five
 * minutes are enough; so a run is never called killed before it has had the time of the last.
 */
function isSilent(facts: Facts, start: number, nowSeconds: number): boolean {
  const silence = nowSeconds - Math.max(start, facts.push_time_seconds ?? 0);
  const duration = facts.batch_job_duration_seconds;
  if (duration === undefined) return silence > FIRST_RUN_LIMIT_SECONDS;
  const due = facts.batch_job_success_due_timestamp_seconds;
  const overdue = due !== undefined && nowSeconds > due;
  return silence > GRACE_SECONDS + Math.max(0, duration) * (overdue ? 1 : 3);
}

function viewSuccess(
  facts: Facts,
  nowSeconds: number,
  { maxAgeSeconds }: JobViewOptions,
): Pick<
  JobView,
  'lastSuccessSeconds' | 'lastSuccessAgeSeconds' | 'dueSeconds' | 'dueInSeconds' | 'overdueSeconds'
> {
  const lastSuccess = facts.batch_job_last_success_timestamp_seconds;
  const byAge =
    lastSuccess === undefined || maxAgeSeconds === undefined ? undefined : lastSuccess + maxAgeSeconds;
  const due = facts.batch_job_success_due_timestamp_seconds ?? byAge;
  return {
    ...known('lastSuccessSeconds', lastSuccess),
    ...(lastSuccess === undefined ? {} : { lastSuccessAgeSeconds: nowSeconds - lastSuccess }),
    ...known('dueSeconds', due),
    ...(due === undefined
      ? {}
      : nowSeconds > due
        ? { overdueSeconds: nowSeconds - due }
        : { dueInSeconds: due - nowSeconds }),
  };
}

function viewPushes(
  facts: Facts,
  nowSeconds: number,
): Pick<JobView, 'lastPushSeconds' | 'lastPushAgeSeconds' | 'pushRefusedSeconds'> {
  const { push_time_seconds: pushed = 0, push_failure_time_seconds: refused = 0 } = facts;
  return {
    ...(pushed > 0 ? { lastPushSeconds: pushed, lastPushAgeSeconds: Math.max(0, nowSeconds - pushed) } : {}),
    ...(refused > pushed ? { pushRefusedSeconds: refused } : {}),
  };
}

function known<K extends string, V>(name: K, value: V | undefined): { readonly [P in K]?: V } {
  return (value === undefined ? {} : { [name]: value }) as { readonly [P in K]?: V };
}
