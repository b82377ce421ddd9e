import { type AnyJob, isCommand, isModule } from '../../job/any-job.js';
import { JobCrashed, StoppedBySignal } from '../../job/stop-reason.js';
import { type Log, logBug } from '../../log.js';
import type { Host } from '../../process/host.js';
import { type RunOptions, resolveRunOptions } from '../../run/run-options.js';
import { type StartedRun, startRun } from '../../run/start-run.js';
import { type BatchValues, runOptionsOf } from './run-options-of.js';
import { sayHurrying, sayStopping } from './say-stopping.js';

export interface RunOnceOptions {
  readonly log: Log;
  readonly onProgress?: RunOptions['onProgress'];
  readonly onEnd?: () => void;
}

/** Runs a job in this process as the settings say, and stops it on a signal; resolves with the exit code. */
export async function runOnce(
  host: Host,
  job: AnyJob,
  values: BatchValues,
  options: RunOnceOptions,
): Promise<number> {
  const stop = new AbortController();
  const given = { ...runOptionsOf(host, values, options.log), ...options, signal: stop.signal };
  const {
    log,
    job: { graceMs },
  } = resolveRunOptions(job.name, given);
  let run: StartedRun | undefined;
  const unguard = host.guard({
    log,
    current: () => run,
    stop: (signal) => {
      if (run?.phase() === 'job') sayStopping(log, signal, job, graceMs);
      else if (run?.phase() === 'delivering') sayHurrying(log, signal, given);
      stop.abort(new StoppedBySignal(signal));
    },
    crash: (reason) => stopCrashed(job, reason, log, (crash) => stop.abort(crash)),
    ...(isCommand(job) ? { passOn: job.passOn } : {}),
  });
  try {
    run = startRun(job, given);
    return (await run.result).exitCode;
  } finally {
    unguard();
  }
}

/** A command is a process of its own: what breaks in this one is no reason to leave it. */
export function stopCrashed(job: AnyJob, reason: unknown, log: Log, stop: (crash: JobCrashed) => void): void {
  if (isCommand(job)) logBug(log, reason);
  else stop(new JobCrashed(isModule(job) ? job.crashCause(reason) : reason));
}
