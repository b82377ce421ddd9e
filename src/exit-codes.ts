import { constants } from 'node:os';

/** What a process of prombatch ends with. The README's table says the same. */
export const EXIT = {
  /** The job failed without an exit code of its own. */
  failed: 1,
  /** Malformed arguments, or a module that does not load: nothing was run. */
  usage: 2,
  /** The job succeeded, but its metrics were not delivered. */
  notDelivered: 3,
  /** A bug in prombatch. */
  bug: 70,
  /** The job ran past its deadline. */
  timedOut: 124,
  /** As a shell has them. */
  notExecutable: 126,
  notFound: 127,
} as const;

/** The exit code of a process that a signal ended, as a shell has it: 128 and the signal's number. */
export function exitCodeOfSignal(signal: string): number {
  return 128 + ((constants.signals as Record<string, number>)[signal] ?? 0);
}
