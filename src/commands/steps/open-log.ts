import { createLog, type Log } from '../../log.js';
import type { Host } from '../../process/host.js';
import type { logSettings } from '../../settings/batch-settings.js';
import type { SettingValues } from '../../settings/setting.js';

/** The log of a command, on stderr unless `write` takes its lines. */
export function openLog(
  host: Host,
  { logFormat: format, quiet, verbose }: SettingValues<typeof logSettings>,
  write: (text: string) => void = host.stderr.write,
): Log {
  return createLog({ format, quiet, verbose, write });
}
