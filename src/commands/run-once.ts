import { describeThrown } from '../errors.js';
import type { Host } from '../host.js';
import type { Job, MetricsSource } from '../job/job.js';
import { JobCrashed } from '../job/stop-reason.js';
import type { Log } from '../log.js';
import { runJob } from '../run-job.js';
import type { RunOptions } from '../run-options.js';
import { type BatchValues, deliveryOptions } from './delivery-options.js';

export interface RunOnceOptions {
  readonly log: Log;
  readonly onProgress?: RunOptions['onProgress'];
  readonly onEnd?: () => void;
  /** Gets the signals that are the job's own, where it is a command. */
  readonly passOn?: (signal: NodeJS.Signals) => void;
}

/** Runs a job in this process as the settings say, and stops it on a signal; resolves with the exit code. */
export async function runOnce(
  host: Host,
  job: Job<MetricsSource>,
  values: BatchValues,
  options: RunOnceOptions,
): Promise<number> {
  const { log, passOn } = options;
  const stop = new AbortController();
  const guard = host.guardRun((reason) => {
    // A command is a process of its own: what breaks in this one is no reason to leave it.
    if (passOn && reason instanceof JobCrashed)
      log.error(`a bug in prombatch: ${describeThrown(reason.reason)}`, { error: reason.reason });
    else stop.abort(reason);
  }, passOn);
  try {
    const { exitCode } = await runJob(job, {
      ...deliveryOptions(host, values, log),
      signal: stop.signal,
      log,
      onProgress: options.onProgress,
      onEnd() {
        options.onEnd?.();
        guard.jobEnded();
      },
    });
    return exitCode;
  } finally {
    guard.lift();
  }
}
