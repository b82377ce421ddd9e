import type { MetricFamily, Sample } from '../exposition/family.js';
import { version } from '../version.js';
import type { RunOutcome } from './outcome.js';

/** What is said of a run beside its outcome. */
export interface OutcomeFacts {
  /** By when the job should have succeeded again, in milliseconds since the epoch; pushed with a success only. */
  readonly dueAtMs?: number;
  /** Whether the job's own families were refused, so that this goes alone. */
  readonly metricsRejected: boolean;
}

/** A value, values by label, or `undefined` if the metric is not pushed with this run. */
type Value = number | undefined | readonly (readonly [label: string, value: number])[];

interface BatchMetric {
  readonly name: string;
  /** Ends with a full stop. */
  readonly help: string;
  /**
   * Which push carries it. A family that is pushed replaces the stored one, so that one of `end of a success` must be
   * in no other push: the gateway would forget the last success.
   */
  readonly pushed: 'start and end' | 'end' | 'end of a success' | 'retirement';
  /** The label that tells its samples apart. */
  readonly label?: string;
  /** Whether the job says the label's values. */
  readonly labelledByJob?: boolean;
  readonly value: (outcome: RunOutcome, facts: OutcomeFacts) => Value;
}

/**
 * The batch metrics: gauges in base units, after the practices that Prometheus' documentation asks of batch jobs. The
 * README's table says the same.
 */
const BATCH_METRICS = [
  {
    name: 'batch_job_last_start_timestamp_seconds',
    help: 'When the last run of the job began, as seconds since the epoch.',
    pushed: 'start and end',
    value: ({ startedAtMs }) => startedAtMs / 1000,
  },
  {
    name: 'batch_job_last_completion_timestamp_seconds',
    help: 'When the last run of the job ended, however it ended, as seconds since the epoch.',
    pushed: 'end',
    value: ({ completedAtMs }) => completedAtMs / 1000,
  },
  {
    name: 'batch_job_last_success_timestamp_seconds',
    help: 'When the job last succeeded, as seconds since the epoch.',
    pushed: 'end of a success',
    value: ({ completedAtMs }) => completedAtMs / 1000,
  },
  {
    name: 'batch_job_success_due_timestamp_seconds',
    help: 'By when the job should have succeeded again, as seconds since the epoch.',
    pushed: 'end of a success',
    value: (_, { dueAtMs }) => dueAtMs && dueAtMs / 1000,
  },
  {
    name: 'batch_job_duration_seconds',
    help: 'How long the last run of the job took, in seconds.',
    pushed: 'end',
    value: ({ durationSeconds }) => durationSeconds,
  },
  {
    name: 'batch_job_success',
    help: 'Whether the last run of the job succeeded: 1 or 0.',
    pushed: 'end',
    value: ({ status }) => (status === 'succeeded' ? 1 : 0),
  },
  {
    name: 'batch_job_exit_code',
    help: 'The exit code of the last run of the job itself.',
    pushed: 'end',
    value: ({ exitCode }) => exitCode,
  },
  {
    name: 'batch_job_records_processed',
    help: 'How many records the last run of the job processed.',
    pushed: 'end',
    value: ({ recordsProcessed }) => recordsProcessed,
  },
  {
    name: 'batch_job_stage_duration_seconds',
    help: 'How long each stage of the last run of the job took, in seconds.',
    pushed: 'end',
    label: 'stage',
    labelledByJob: true,
    value: ({ stages }) => stages,
  },
  {
    name: 'batch_job_metrics_rejected',
    help: "Whether the last run's own metrics could not be stored: 1 or 0.",
    pushed: 'end',
    value: (outcome, { metricsRejected }) => (metricsRejected || outcome.metricsRejected ? 1 : 0),
  },
  {
    name: 'batch_job_info',
    help: 'Always 1; the version of prombatch that ran the job.',
    pushed: 'end',
    label: 'version',
    value: () => [[version, 1]],
  },
  {
    name: 'batch_job_retired_timestamp_seconds',
    help: 'When the job was retired, as seconds since the epoch.',
    pushed: 'retirement',
    value: () => undefined,
  },
] as const satisfies readonly BatchMetric[];

/** The name of a batch metric: a misspelt one does not compile. */
export type BatchMetricName = (typeof BATCH_METRICS)[number]['name'];

const all: readonly BatchMetric[] = BATCH_METRICS;
const namesOf = (metrics: readonly BatchMetric[]): readonly string[] => metrics.map(({ name }) => name);

/** The names of the batch metrics, which a job's own metrics must not use. */
export const BATCH_FAMILY_NAMES = namesOf(all);

/** Of these a later value is true whatever ran since, and a run that fails leaves them as they are. */
export const SUCCESS_FAMILY_NAMES = namesOf(all.filter(({ pushed }) => pushed === 'end of a success'));

/** Families whose labels the job says. */
export const LABELLED_BY_JOB = namesOf(all.filter(({ labelledByJob }) => labelledByJob));

/** The success itself, of those. */
export const LAST_SUCCESS: BatchMetricName = 'batch_job_last_success_timestamp_seconds';

/** Whether a run is newer than what is held is told by when it began. */
export const LAST_START: BatchMetricName = 'batch_job_last_start_timestamp_seconds';

/** Says whether the run's own metrics could not be stored. */
export const METRICS_REJECTED: BatchMetricName = 'batch_job_metrics_rejected';

/** The labels that batch metrics carry themselves, and a group therefore must not. */
export const BATCH_LABEL_NAMES = all.flatMap(({ label }) => label ?? []);

/** What is pushed when a run begins: only when it began. */
export function startFamilies(startedAtMs: number): MetricFamily[] {
  return familiesAt(startedAtMs, 'start and end');
}

/** What is pushed when a job is retired: only when that was. It counts until the job starts again. */
export function retirementFamilies(retiredAtMs: number): MetricFamily[] {
  return familiesAt(retiredAtMs, 'retirement');
}

/**
 * What is pushed of an outcome whose run's own metrics are left out: nothing with a label of the job's making, which
 * may be what was refused.
 */
export function loneOutcomeFamilies(outcome: RunOutcome, facts: OutcomeFacts): MetricFamily[] {
  return outcomeFamilies(outcome, facts).filter(({ name }) => !LABELLED_BY_JOB.includes(name));
}

/** What is pushed when a run ends. */
export function outcomeFamilies(outcome: RunOutcome, facts: OutcomeFacts): MetricFamily[] {
  return all
    .filter(({ pushed }) => outcome.status === 'succeeded' || pushed !== 'end of a success')
    .map((metric) => family(metric, metric.value(outcome, facts)))
    .filter(({ samples }) => samples.length > 0);
}

function familiesAt(timeMs: number, by: BatchMetric['pushed']): MetricFamily[] {
  return all.filter(({ pushed }) => pushed === by).map((metric) => family(metric, timeMs / 1000));
}

function family({ name, help, label }: BatchMetric, value: Value): MetricFamily {
  const values = typeof value === 'number' ? [['', value] as const] : (value ?? []);
  const samples = values.map(
    ([text, number]): Sample => ({
      name,
      labels: label === undefined ? [] : [[label, text]],
      value: number,
    }),
  );
  return { name, help, type: 'gauge', samples };
}
