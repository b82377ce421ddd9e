import { TextFormatError } from '../../exposition/line-reader.js';
import { parseFamilies } from '../../exposition/parse.js';
import {
  GATEWAY_FAMILIES,
  type Reserved,
  whyFamilyReserved,
  whyLabelReserved,
} from '../../exposition/reserved.js';
import type { GroupingKey } from '../grouping-key.js';

export interface MetricsRules {
  readonly key: GroupingKey;
  /** Family names that the job's own metrics must not use. */
  readonly reserved: readonly string[];
  /** Their counts are added up, so that they must be readable. */
  readonly accumulate?: boolean;
}

/**
 * Why the job's own metrics cannot be pushed to this group as they are, or `undefined`. What the gateway would
 * overwrite or mix up without a word is refused here: a label that is also a grouping label, and families
 * that belong to the batch pattern (`reserved`) or to the gateway.
 *
 * A search for the names comes first: the text is parsed only if one of them occurs, or if its counts are added up,
 * so that a large push costs no parsing.
 */
export function findMetricsProblem(text: string, rules: MetricsRules): string | undefined {
  const { key, reserved, accumulate = false } = rules;
  const own: Reserved = { families: reserved, labels: new Map([['job', key.job], ...key.grouping]) };
  const suspicious = new RegExp(
    `${[...reserved, ...GATEWAY_FAMILIES].join('|')}|[{,][ \\t]*(?:${[...own.labels.keys()].join('|')})[ \\t]*=`,
  );
  if (!accumulate && !suspicious.test(text)) return undefined;
  try {
    for (const { name, samples } of parseFamilies(text)) {
      const problem =
        whyFamilyReserved(name, own) ??
        samples.map(({ labels }) => whyLabelReserved(name, labels, own)).find((found) => found !== undefined);
      if (problem) return problem;
    }
  } catch (error) {
    if (error instanceof TextFormatError) return error.message;
    throw error;
  }
  return undefined;
}
