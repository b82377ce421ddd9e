import type { MetricFamily } from '../exposition/family.js';
import { type CollectOptions, collectOwn } from './collect-own.js';
import { PushError } from './push-error.js';
import type { SendReport } from './send-entry.js';
import { writeTextfile } from './textfile.js';

export interface TextfileRun extends CollectOptions {
  /** The outcome's families, for a file with the job's own metrics and for one without. */
  readonly outcome: (metricsRejected: boolean) => readonly MetricFamily[];
  readonly accumulate: boolean;
}

const COLLECT_MS = 5000;

/** Writes a run for node_exporter; where the job's own metrics cannot be written, the outcome is all the same. */
export async function deliverToTextfile(folder: string, run: TextfileRun): Promise<SendReport> {
  const own = await collectOwn(run, COLLECT_MS);
  const refused = typeof own === 'string' ? attempt(folder, run, own, false) : own;
  if (!refused) return { status: 'delivered' };
  const error = attempt(folder, run, '', true);
  return error ? { status: 'failed', error } : { status: 'outcome_only', error: refused };
}

function attempt(
  folder: string,
  run: TextfileRun,
  own: string,
  metricsRejected: boolean,
): PushError | undefined {
  const { key, accumulate } = run;
  try {
    writeTextfile(folder, { key, outcome: run.outcome(metricsRejected), own, accumulate });
    return undefined;
  } catch (error) {
    if (error instanceof PushError) return error;
    throw error;
  }
}
