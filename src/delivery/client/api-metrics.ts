import type { Labels, MetricFamily, MetricType, Sample } from '../../exposition/family.js';
import { formatKey, type GroupingKey } from '../grouping-key.js';
import { PushRejected } from '../http/push-error.js';

interface ApiGroup {
  readonly labels: Readonly<Record<string, string>>;
  readonly [family: string]: unknown;
}

interface ApiFamily {
  readonly type: string;
  readonly help?: string;
  readonly metrics: readonly ApiMetric[];
}

interface ApiMetric {
  readonly labels: Readonly<Record<string, string>>;
  readonly value?: string;
  readonly count?: string;
  readonly sum?: string;
  readonly buckets?: Readonly<Record<string, string>>;
  readonly quantiles?: Readonly<Record<string, string>>;
}

/** Entries of a group that are no families. */
const NO_FAMILIES = new Set(['labels', 'last_push_successful']);

/**
 * A group's families from the text of `/api/v1/metrics` (Pushgateway since 1.0), with the labels that its
 * samples were pushed with: the grouping labels and an empty `instance`, which the gateway adds, are taken off.
 *
 * @throws PushRejected when the text is not of that form.
 */
export function parseGroup(text: string, key: GroupingKey, gateway: string): MetricFamily[] {
  try {
    const { data } = JSON.parse(text) as { data: readonly ApiGroup[] };
    const labels = Object.fromEntries([['job', key.job], ...key.grouping]);
    const group = data.find((candidate) => sameLabels(candidate.labels, labels));
    return Object.entries(group ?? {})
      .filter(([name]) => !NO_FAMILIES.has(name))
      .map(([name, family]) => toFamily(name, family as ApiFamily, labels));
  } catch (error) {
    throw new PushRejected(
      'GROUP_UNREADABLE',
      `what ${gateway} holds of ${formatKey(key)} cannot be read: /api/v1/metrics is not as expected`,
      { retryable: false, cause: error, hint: 'is this a Pushgateway of version 1.0 or newer?' },
    );
  }
}

function sameLabels(a: Readonly<Record<string, string>>, b: Readonly<Record<string, string>>): boolean {
  return (
    Object.keys(a).length === Object.keys(b).length &&
    Object.entries(a).every(([name, value]) => b[name] === value)
  );
}

function toFamily(
  name: string,
  { type, help, metrics }: ApiFamily,
  grouping: Record<string, string>,
): MetricFamily {
  return {
    name,
    type: type.toLowerCase() as MetricType,
    ...(help === undefined ? {} : { help }),
    samples: metrics.flatMap((metric) => toSamples(name, metric, grouping)),
  };
}

function toSamples(name: string, metric: ApiMetric, grouping: Record<string, string>): Sample[] {
  const labels: Labels = Object.entries(metric.labels).filter(
    ([label, value]) => !Object.hasOwn(grouping, label) && !(label === 'instance' && value === ''),
  );
  if (metric.value !== undefined) return [{ name, labels, value: readNumber(metric.value) }];
  const points = (suffix: string, bound: string, given: Readonly<Record<string, string>> = {}): Sample[] =>
    Object.entries(given).map(([at, value]) => ({
      name: name + suffix,
      labels: [...labels, [bound, at]],
      value: readNumber(value),
    }));
  return [
    ...points('_bucket', 'le', metric.buckets),
    ...points('', 'quantile', metric.quantiles),
    { name: `${name}_sum`, labels, value: readNumber(metric.sum) },
    { name: `${name}_count`, labels, value: readNumber(metric.count) },
  ];
}

function readNumber(text: string | undefined): number {
  if (text === undefined || text === '') throw new TypeError('a value is missing');
  return Number(text.replace('Inf', 'Infinity'));
}
