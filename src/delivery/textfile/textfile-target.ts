import type { MetricFamily } from '../../exposition/family.js';
import type { Log } from '../../log.js';
import { PushError } from '../http/push-error.js';
import type { DeliveryReport, EndedRun, Target } from '../target.js';
import { type TextfileEntry, writeTextfile } from './textfile.js';

export interface TextfileTargetOptions extends Pick<TextfileEntry, 'key' | 'accumulate'> {
  /** A folder that node_exporter's textfile collector reads. */
  readonly folder: string;
  readonly log: Log;
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
    const { text, problem } = run.jobMetrics;
    const refused = problem ?? write(run.outcome(false), text);
    if (!refused) return { status: 'delivered' };
    const error = write(run.loneOutcome(true), '');
    return error ? { status: 'failed', error } : { status: 'outcome_only', error: refused };
  };

  return {
    name: folder,
    prepare: async () => undefined,
    start() {},
    update() {},
    end: async (run) => deliver(run),
    abandon: deliver,
    close() {},
  };
}
