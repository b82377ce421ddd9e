import { constants } from 'node:os';

/** The number of a signal on this system, for exit codes of the form 128+n. */
export function signalNumber(signal: string): number {
  return constants.signals[signal as NodeJS.Signals];
}
