import {
  apiGroups,
  type GatewayGroup,
  labelsOf,
  readGroup,
  readGroups,
} from '../../exposition/api-groups.js';
import type { MetricFamily } from '../../exposition/family.js';
import { formatKey, type GroupingKey } from '../grouping-key.js';
import { PushRejected } from '../http/push-error.js';

/**
 * A group's families from the text of `/api/v1/metrics`; nothing if there is no such group.
 *
 * @throws PushRejected when the text is not of that form.
 */
export function parseGroup(text: string, key: GroupingKey, gateway: string): readonly MetricFamily[] {
  const labels = Object.fromEntries([['job', key.job], ...key.grouping]);
  return readable(`what ${gateway} holds of ${formatKey(key)}`, () => {
    const group = apiGroups(JSON.parse(text)).find((candidate) => sameLabels(labelsOf(candidate), labels));
    return group ? readGroup(group).families : [];
  });
}

/**
 * All groups from the text of `/api/v1/metrics`.
 *
 * @throws PushRejected when the text is not of that form.
 */
export function parseGroups(text: string, gateway: string): readonly GatewayGroup[] {
  return readable(`what ${gateway} holds`, () => readGroups(JSON.parse(text)));
}

function readable<T>(what: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw new PushRejected('GROUP_UNREADABLE', `${what} cannot be read: /api/v1/metrics is not as expected`, {
      retryable: false,
      cause: error,
      hint: 'is this a Pushgateway of version 1.0 or newer?',
    });
  }
}

function sameLabels(a: Readonly<Record<string, string>>, b: Readonly<Record<string, string>>): boolean {
  return (
    Object.keys(a).length === Object.keys(b).length &&
    Object.entries(a).every(([name, value]) => b[name] === value)
  );
}
