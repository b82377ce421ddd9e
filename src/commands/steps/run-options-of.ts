import { resolve } from 'node:path';
import type { Log } from '../../log.js';
import type { Host } from '../../process/host.js';
import type { RunOptions } from '../../run/run-options.js';
import type { batchSettings, logSettings } from '../../settings/batch-settings.js';
import { gatewayCredentials } from '../../settings/credentials.js';
import type { SettingValues } from '../../settings/setting.js';
import { resolveSpoolPath } from '../../settings/spool-path.js';

export type BatchValues = SettingValues<typeof batchSettings & typeof logSettings> & {
  readonly onPushFailure: 'fail' | 'warn';
};

/** The options of a run that the settings and the environment say. */
export function runOptionsOf(host: Host, values: BatchValues, log: Log): RunOptions {
  const spool = resolveSpoolPath(values, host);
  if (spool === undefined && !values.noSpool) {
    log.warn(
      'what cannot be delivered is not kept: neither XDG_STATE_HOME nor HOME is set, and --spool names no folder',
      { event: 'spool_unusable' },
    );
  }
  return {
    ...values,
    startPush: !values.noStartPush,
    spool,
    // Fixed now: a job may change this process' folder.
    remoteWriteFile:
      values.remoteWriteFile === undefined ? undefined : resolve(host.cwd, values.remoteWriteFile),
    textfile: values.textfile === undefined ? undefined : resolve(host.cwd, values.textfile),
    credentials: gatewayCredentials(host),
    dryRun: values.dryRun ? (text) => host.stdout.write(text) : undefined,
    log,
  };
}
