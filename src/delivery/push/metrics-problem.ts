import { findUncountable } from '../../exposition/accumulate.js';
import type { MetricFamily } from '../../exposition/family.js';
import { TextFormatError } from '../../exposition/line-reader.js';
import { parseFamilies } from '../../exposition/parse.js';
import {
  GATEWAY_FAMILIES,
  type Reserved,
  whyFamilyReserved,
  whyLabelReserved,
} from '../../exposition/reserved.js';
import { formatValue } from '../../exposition/write.js';
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
    `${[...reserved, ...GATEWAY_FAMILIES].join('|')}|[{,][ \\t]*"?(?:${[...own.labels.keys()].join('|')})"?[ \\t]*=`,
  );
  if (!accumulate && !suspicious.test(text)) return undefined;
  try {
    for (const family of parseFamilies(text)) {
      const problem = whyReserved(family, own) ?? (accumulate ? whyUncountable(family) : undefined);
      if (problem) return problem;
    }
  } catch (error) {
    if (error instanceof TextFormatError) return whyQuoted(text, own) ?? error.message;
    throw error;
  }
  return undefined;
}

function whyReserved({ name, samples }: MetricFamily, own: Reserved): string | undefined {
  return (
    whyFamilyReserved(name, own) ??
    samples.map(({ labels }) => whyLabelReserved(name, labels, own)).find((found) => found !== undefined)
  );
}

function whyUncountable(family: MetricFamily): string | undefined {
  const sample = findUncountable(family);
  if (!sample) return undefined;
  return `metric "${family.name}" has the value ${formatValue(sample.value)}, and no count can go on from that`;
}

/** The UTF-8 syntax, which the parser does not know, but a Pushgateway since 1.11 does. */
function whyQuoted(text: string, { labels }: Reserved): string | undefined {
  const quoted = new RegExp(`[{,][ \\t]*"(${[...labels.keys()].join('|')})"[ \\t]*=`);
  const lines = text.split('\n');
  const index = lines.findIndex((line) => !/^[ \t]*#/.test(line) && quoted.test(line));
  const label = index < 0 ? undefined : quoted.exec(lines[index] ?? '')?.[1];
  if (label === undefined) return undefined;
  return (
    `line ${index + 1} has the label "${label}" in quotes, and the group has it with the value ` +
    `${JSON.stringify(labels.get(label))}: the gateway would overwrite the metric's label`
  );
}
