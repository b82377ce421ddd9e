import type { MetricFamily } from '../../exposition/family.js';
import { removeLeftovers } from '../../files/leftovers.js';
import { takeLock } from '../../files/lock.js';
import type { Log } from '../../log.js';
import type { Deadline } from '../deadline.js';
import { PushError } from '../http/push-error.js';
import type { DeliveryReport, EndedRun, Target } from '../target.js';
import { warnOfOpenFolder } from './open-folder.js';
import { type TextfileEntry, textfileName, writeTextfile } from './textfile.js';

export interface TextfileTargetOptions extends Pick<TextfileEntry, 'key' | 'accumulate'> {
  /** A folder that node_exporter's textfile collector reads. */
  readonly folder: string;
  readonly log: Log;
}

/** A file is written in milliseconds: a lock that is held for longer is not waited for. */
const LONGEST_WAIT_MS = 2000;

/** Never throws: what is wrong with the folder is said when a file is written. */
function removeLeftoversOf(folder: string): void {
  try {
    removeLeftovers(folder, /\.prom\.lock$/);
  } catch {}
}

/** A file for node_exporter. It is written when the run has ended; the job's start and its updates are not. */
export function createTextfileTarget({ folder, key, accumulate, log }: TextfileTargetOptions): Target {
  const write = (outcome: readonly MetricFamily[], own: string): PushError | undefined => {
    try {
      writeTextfile(folder, { key, accumulate, outcome, own }, log.warn);
      return undefined;
    } catch (error) {
      if (error instanceof PushError) return error;
      throw error;
    }
  };

  /** If the job's own metrics cannot be written, the outcome is written without them. */
  const deliver = (run: EndedRun): DeliveryReport => {
    warnOfOpenFolder(folder, log.warn);
    const { text, problem } = run.jobMetrics;
    const refused = problem ?? write(run.outcome(false), text);
    if (!refused) return { status: 'delivered' };
    const error = write(run.loneOutcome(true), '');
    return error ? { status: 'failed', error } : { status: 'outcome_only', error: refused };
  };

  /** Runs that end together write one after the other, so that none undoes what another has just written. */
  const takeTurn = async (deadline: Deadline): Promise<(() => void) | undefined> => {
    const turn = deadline.share(Math.min(1 / 2, LONGEST_WAIT_MS / deadline.remainingMs()));
    try {
      return await takeLock(folder, turn.signal, `${textfileName(key)}.lock`);
    } catch {
      // What is wrong with the folder is said when the file is written.
      return undefined;
    } finally {
      turn.dispose();
    }
  };

  return {
    name: folder,
    verb: 'written',
    prepare: async () => undefined,
    start() {},
    update() {},
    async end(run, { deadline }) {
      const release = await takeTurn(deadline);
      try {
        removeLeftoversOf(folder);
        return deliver(run);
      } finally {
        release?.();
      }
    },
    abandon: deliver,
    close() {},
  };
}
