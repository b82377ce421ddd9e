import { describeThrown } from '../../errors.js';
import { inTextFormat } from '../../exposition/open-metrics.js';
import type { Deadline } from '../deadline.js';
import type { GroupingKey } from '../grouping-key.js';
import { PushError } from '../http/push-error.js';
import type { JobMetrics } from '../target.js';
import { findMetricsProblem } from './metrics-problem.js';

export interface CollectOptions {
  readonly key: GroupingKey;
  /** Family names that the job's own metrics must not use. */
  readonly reserved: readonly string[];
  /** Their counts are added up, so that they must be readable. */
  readonly accumulate: boolean;
  /** Collects the job's own metrics in the text format. */
  readonly collect: () => string | Promise<string>;
}

/** Collects the job's own metrics and checks them. It never rejects. */
export async function collectJobMetrics(options: CollectOptions, deadline: Deadline): Promise<JobMetrics> {
  const { text, problem } = await collectMetrics(options, deadline);
  if (problem === undefined) return { text };
  return {
    text,
    problem: new PushError('OWN_METRICS_REFUSED', `the job's own metrics cannot be pushed: ${problem}`, {
      retryable: false,
    }),
  };
}

/** What a source holds, with its last newline, and why it cannot be pushed, if it cannot. It never rejects. */
export async function collectMetrics(
  options: CollectOptions,
  deadline: Deadline,
): Promise<{ readonly text: string; readonly problem?: string | undefined }> {
  const limitMs = Math.round(deadline.remainingMs());
  let own: string | typeof LATE;
  try {
    own = await Promise.race([options.collect(), passed(deadline)]);
  } catch (error) {
    return { text: '', problem: `collecting them failed: ${describeThrown(error)}` };
  }
  if (own === LATE) return { text: '', problem: `collecting them took more than ${limitMs}ms` };
  if (typeof own !== 'string') return { text: '', problem: `metrics() gave ${typeof own}, and no text` };
  const text = endWithNewline(inTextFormat(own));
  return { text, problem: findMetricsProblem(text, options) };
}

const LATE = Symbol('late');

function passed({ signal }: Deadline): Promise<typeof LATE> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve(LATE);
    signal.addEventListener('abort', () => resolve(LATE), { once: true });
  });
}

function endWithNewline(text: string): string {
  // As it mostly is: a large text is not copied.
  if (/\S\n$/.test(text.slice(-2))) return text;
  const trimmed = text.trimEnd();
  return trimmed === '' ? '' : `${trimmed}\n`;
}
