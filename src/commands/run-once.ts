import { describeThrown } from '../errors.js';
import type { Host } from '../host.js';
import type { Job, MetricsSource } from '../job/job.js';
import { JobCrashed } from '../job/stop-reason.js';
import type { Log } from '../log.js';
import { runJob } from '../run-job.js';
import type { RunOptions } from '../run-options.js';
import type { batchSettings, logSettings } from '../settings/batch-settings.js';
import { gatewayCredentials } from '../settings/credentials.js';
import type { SettingValues } from '../settings/setting.js';
import { resolveSpoolPath } from '../settings/spool-path.js';

export type BatchValues = SettingValues<typeof batchSettings & typeof logSettings> & {
  readonly onPushFailure: 'fail' | 'warn';
};

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
  const spool = resolveSpoolPath(values, host);
  if (spool === undefined && !values.noSpool) {
    log.warn(
      'what cannot be delivered is not kept: neither XDG_STATE_HOME nor HOME is set, and --spool names no folder',
    );
  }
  const stop = new AbortController();
  const guard = host.guardRun((reason) => {
    // A command is a process of its own: what breaks in this one is no reason to leave it.
    if (passOn && reason instanceof JobCrashed)
      log.error(`a bug in prombatch: ${describeThrown(reason.reason)}`, { error: reason.reason });
    else stop.abort(reason);
  }, passOn);
  try {
    const { exitCode } = await runJob(job, {
      ...values,
      startPush: !values.noStartPush,
      spool,
      credentials: gatewayCredentials(host),
      dryRun: values.dryRun ? (text) => host.stdout.write(text) : undefined,
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
