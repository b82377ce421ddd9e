import { TextFormatError } from '../exposition/line-reader.js';
import { parseFamilies } from '../exposition/parse.js';
import type { GroupingKey } from './grouping-key.js';

/** Names that the Pushgateway gives every group itself; pushed ones are overwritten without a word (1.5.1). */
const GATEWAY_FAMILIES = ['push_time_seconds', 'push_failure_time_seconds'];

/**
 * Why the job's own metrics cannot be pushed to this group as they are, or `undefined`. What the gateway would
 * overwrite or mix up without a word is refused here: a label that is also a grouping label, and families
 * that belong to the batch pattern (`reserved`) or to the gateway.
 *
 * A search for the names comes first: the text is parsed only where one of them occurs, so that a large push
 * costs no parsing.
 */
export function findOwnMetricsProblem(
  text: string,
  key: GroupingKey,
  reserved: readonly string[],
): string | undefined {
  const labels = new Map([['job', key.job], ...key.grouping]);
  const families = [...reserved, ...GATEWAY_FAMILIES];
  const suspicious = new RegExp(
    `${families.join('|')}|[{,][ \\t]*(?:${[...labels.keys()].join('|')})[ \\t]*=`,
  );
  if (!suspicious.test(text)) return undefined;
  try {
    for (const { name, samples } of parseFamilies(text)) {
      if (reserved.includes(name)) return `metric "${name}" is one of those that prombatch itself pushes`;
      if (GATEWAY_FAMILIES.includes(name)) return `metric "${name}" is one that the gateway sets itself`;
      for (const sample of samples) {
        const clash = sample.labels.find(([label]) => labels.has(label));
        if (!clash) continue;
        const [label, value] = clash;
        return (
          `metric "${name}" has the label ${label}=${JSON.stringify(value)}, and the group has ` +
          `${label}=${JSON.stringify(labels.get(label))}: the gateway would overwrite the metric's label`
        );
      }
    }
  } catch (error) {
    if (error instanceof TextFormatError) return error.message;
    throw error;
  }
  return undefined;
}
