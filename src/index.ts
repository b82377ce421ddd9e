export {
  PushError,
  PushRedirected,
  PushRejected,
  PushTimedOut,
  PushUnauthorized,
  PushUnavailable,
  PushUnreachable,
  PushUntrusted,
} from './delivery/http/push-error.js';
export type { DeliveryReport } from './delivery/target.js';
export { PrombatchError, UsageError } from './errors.js';
export type { MetricsSource } from './exposition/metrics-source.js';
export type { DuePlan } from './job/due.js';
export {
  defineJob,
  type Job,
  type JobContext,
  type JobDefinition,
  type JobResult,
} from './job/job.js';
export type { PreviousMetrics } from './job/previous.js';
export { type PushMetricsOptions, pushMetrics } from './library/push-metrics.js';
export { type RunJobOptions, runJob } from './library/run-job.js';
export { createLog, type Log, type LogFields, type LogOptions, silentLog } from './log.js';
export { JobFailed, type RunOutcome } from './outcome/outcome.js';
export type { RunResult } from './run/run-result.js';
export { version } from './version.js';
