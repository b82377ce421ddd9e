import { formatDuration } from '../../duration.js';
import { type AnyJob, isCommand } from '../../job/any-job.js';
import type { Log } from '../../log.js';
import type { RunOptions } from '../../run/run-options.js';
import { PUSH_AFTER_STOP_MS } from '../../run/start-run.js';

/** Says at once that a signal stops the job, how long it has to end, and what a second signal does. */
export function sayStopping(log: Log, signal: string, job: AnyJob, graceMs: number): void {
  log.info(
    `${signal}: stopping ${job.name}, which has ${formatDuration(graceMs)} to end; ${secondSignal(job)}`,
    { event: 'job_stopping', signal, graceMs },
  );
}

/** What a second signal does while the job runs. */
export function secondSignal(job: AnyJob): string {
  return isCommand(job) ? 'a second signal is passed on to it' : 'a second signal ends it at once';
}

/** Says that the job has ended, and how long its outcome still has to be delivered. */
export function sayHurrying(log: Log, signal: string, { pushTimeoutMs }: RunOptions): void {
  const leftMs = Math.min(pushTimeoutMs ?? PUSH_AFTER_STOP_MS, PUSH_AFTER_STOP_MS);
  log.info(
    `${signal}: the job has ended, and its outcome has ${formatDuration(leftMs)} to be delivered; a second signal ends it at once`,
    { event: 'job_stopping', signal },
  );
}
