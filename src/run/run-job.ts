import type { MetricsSource } from '../exposition/metrics-source.js';
import type { Job } from '../job/job.js';
import type { RunOptions } from './run-options.js';
import type { RunResult } from './run-result.js';
import { startRun } from './start-run.js';

/**
 * Runs the job once and pushes how it went: the start beside the running job, the outcome and the job's
 * metrics at the end. Resolves however the job and its pushes end, and never exits the process.
 *
 * @throws UsageError when an option is malformed; then nothing was run.
 */
export function runJob<R extends MetricsSource>(job: Job<R>, given: RunOptions = {}): Promise<RunResult> {
  return startRun(job, given).result;
}
