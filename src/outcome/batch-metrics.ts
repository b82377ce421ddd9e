import type { MetricFamily } from '../exposition/family.js';
import { gaugeFamily } from '../exposition/family.js';
import { version } from '../version.js';
import type { RunOutcome } from './outcome.js';

/** The families of the batch pattern, which a job's own metrics must not use. */
export const BATCH_FAMILY_NAMES = [
  'batch_job_last_start_timestamp_seconds',
  'batch_job_last_completion_timestamp_seconds',
  'batch_job_last_success_timestamp_seconds',
  'batch_job_success_due_timestamp_seconds',
  'batch_job_duration_seconds',
  'batch_job_success',
  'batch_job_exit_code',
  'batch_job_records_processed',
  'batch_job_stage_duration_seconds',
  'batch_job_metrics_rejected',
  'batch_job_info',
] as const;

/** The labels that families of the batch pattern carry themselves, and a group therefore must not. */
export const BATCH_LABEL_NAMES = ['stage', 'version'] as const;

/**
 * What is pushed when a run begins: only when it began. The family of the last success must not be here:
 * a pushed family replaces the stored one, and the gateway would forget the success.
 */
export function startFamilies(startedAtMs: number): MetricFamily[] {
  return [
    gaugeFamily(
      'batch_job_last_start_timestamp_seconds',
      'When the last run of the job began, as seconds since the epoch.',
      startedAtMs / 1000,
    ),
  ];
}

export interface OutcomeFacts {
  /** By when the job should have succeeded again, in milliseconds since the epoch; pushed with a success only. */
  readonly dueAtMs?: number;
  /** Whether the job's own families were refused, so that this goes alone. */
  readonly metricsRejected: boolean;
}

/**
 * What is pushed when a run ends, after the practices that Prometheus' documentation asks of batch jobs: the
 * key metric is when the job last succeeded, and it is pushed by a success and by nothing else.
 */
export function outcomeFamilies(outcome: RunOutcome, facts: OutcomeFacts): MetricFamily[] {
  const succeeded = outcome.status === 'succeeded';
  return [
    ...startFamilies(outcome.startedAtMs),
    gaugeFamily(
      'batch_job_last_completion_timestamp_seconds',
      'When the last run of the job ended, however it ended, as seconds since the epoch.',
      outcome.completedAtMs / 1000,
    ),
    ...(succeeded ? successFamilies(outcome.completedAtMs, facts.dueAtMs) : []),
    gaugeFamily(
      'batch_job_duration_seconds',
      'How long the last run of the job took, in seconds.',
      outcome.durationSeconds,
    ),
    gaugeFamily('batch_job_success', 'Whether the last run of the job succeeded: 1 or 0.', succeeded ? 1 : 0),
    gaugeFamily('batch_job_exit_code', 'The exit code of the last run of the job itself.', outcome.exitCode),
    ...recordsFamilies(outcome.recordsProcessed),
    ...stageFamilies(outcome.stages),
    gaugeFamily(
      'batch_job_metrics_rejected',
      "Whether the last run's own metrics could not be stored: 1 or 0.",
      facts.metricsRejected || outcome.metricsRejected ? 1 : 0,
    ),
    {
      ...gaugeFamily('batch_job_info', 'Always 1; the version of prombatch that ran the job.', 1),
      samples: [{ name: 'batch_job_info', labels: [['version', version]], value: 1 }],
    },
  ];
}

function successFamilies(completedAtMs: number, dueAtMs: number | undefined): MetricFamily[] {
  const success = gaugeFamily(
    'batch_job_last_success_timestamp_seconds',
    'When the job last succeeded, as seconds since the epoch.',
    completedAtMs / 1000,
  );
  if (dueAtMs === undefined) return [success];
  const due = gaugeFamily(
    'batch_job_success_due_timestamp_seconds',
    'By when the job should have succeeded again, as seconds since the epoch.',
    dueAtMs / 1000,
  );
  return [success, due];
}

function recordsFamilies(recordsProcessed: number | undefined): MetricFamily[] {
  if (recordsProcessed === undefined) return [];
  return [
    gaugeFamily(
      'batch_job_records_processed',
      'How many records the last run of the job processed.',
      recordsProcessed,
    ),
  ];
}

function stageFamilies(stages: RunOutcome['stages']): MetricFamily[] {
  if (stages.length === 0) return [];
  const name = 'batch_job_stage_duration_seconds';
  return [
    {
      name,
      help: 'How long each stage of the last run of the job took, in seconds.',
      type: 'gauge',
      samples: stages.map(([stage, seconds]) => ({ name, labels: [['stage', stage]], value: seconds })),
    },
  ];
}
