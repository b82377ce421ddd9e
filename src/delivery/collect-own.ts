import { describeThrown } from '../errors.js';
import type { GroupingKey } from './grouping-key.js';
import { findOwnMetricsProblem } from './own-metrics.js';
import { PushError } from './push-error.js';
import { within } from './within.js';

export interface CollectOptions {
  readonly key: GroupingKey;
  /** Family names that the job's own metrics must not use. */
  readonly reserved: readonly string[];
  /** Collects the job's own metrics in the text format. */
  readonly collect: () => string | Promise<string>;
}

/** The job's own metrics as they can be pushed, or why they cannot. */
export async function collectOwn(options: CollectOptions, limitMs: number): Promise<string | PushError> {
  let own: string | undefined;
  try {
    own = await within(limitMs, Promise.resolve(options.collect()));
  } catch (error) {
    return ownMetricsError(`collecting them failed: ${describeThrown(error)}`);
  }
  if (own === undefined) return ownMetricsError(`collecting them took more than ${Math.round(limitMs)}ms`);
  if (typeof own !== 'string') return ownMetricsError('metrics() gave no text');
  const text = endWithNewline(own);
  const problem = findOwnMetricsProblem(text, options.key, options.reserved);
  return problem ? ownMetricsError(problem) : text;
}

function ownMetricsError(problem: string): PushError {
  return new PushError('OWN_METRICS_REFUSED', `the job's own metrics cannot be pushed: ${problem}`, {
    retryable: false,
    hint: 'the outcome of the run does not depend on them and goes alone',
  });
}

function endWithNewline(text: string): string {
  const trimmed = text.trimEnd();
  return trimmed === '' ? '' : `${trimmed}\n`;
}
