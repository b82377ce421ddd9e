import { isUncountable } from '../../exposition/accumulate.js';
import type { Sample } from '../../exposition/family.js';
import { TextFormatError } from '../../exposition/line-reader.js';
import { visitSamples } from '../../exposition/parse.js';
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
    let problem: string | undefined;
    // To its end, though one is found: of a text that cannot be read, that is what is said.
    visitSamples(text, ({ name, type }, sample) => {
      problem ??=
        whyFamilyReserved(name, own) ??
        whyLabelReserved(name, sample.labels, own) ??
        (accumulate && isUncountable(sample, type) ? whyUncountable(name, sample) : undefined);
    });
    return problem;
  } catch (error) {
    if (error instanceof TextFormatError) return whyQuoted(text, own) ?? error.message;
    throw error;
  }
}

function whyUncountable(name: string, { value }: Sample): string {
  return `metric "${name}" has the value ${formatValue(value)}, and no count can go on from that`;
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
