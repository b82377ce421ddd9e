import type { Log, LogFields } from '../log.js';

/** A log of the caller's as one that never throws: no line is worth the run that it is about. */
export function guardLog(log: Log): Log {
  const guarded =
    (level: keyof Log) =>
    (message: string, fields?: LogFields): void => {
      try {
        log[level](message, fields);
      } catch {
        // There is no other place to say it.
      }
    };
  return { debug: guarded('debug'), info: guarded('info'), warn: guarded('warn'), error: guarded('error') };
}
