import type { Labels, MetricFamily, MetricType, Sample } from '../../exposition/family.js';
import { isEmptyInstance } from '../../exposition/reserved.js';
import { formatKey, type GroupingKey } from '../grouping-key.js';
import { PushRejected } from '../http/push-error.js';

/** A family that a group of a gateway holds. */
export interface HeldFamily {
  readonly name: string;
  readonly type: MetricType;
  readonly group: GroupingKey;
}

type LabelValues = Readonly<Record<string, string>>;

/**
 * The group's families by name, and beside them its `labels` and `last_push_successful`, in whose places a family of
 * that name stands (Pushgateway 1.5.1 and 1.11.3).
 */
type ApiGroup = Readonly<Record<string, unknown>>;

interface ApiFamily {
  readonly type: string;
  readonly help?: string;
  readonly metrics: readonly ApiMetric[];
}

interface ApiMetric {
  readonly labels: LabelValues;
  readonly value?: string;
  readonly count?: string;
  readonly sum?: string;
  readonly buckets?: LabelValues;
  readonly quantiles?: LabelValues;
}

/**
 * A group's families from the text of `/api/v1/metrics` (Pushgateway since 1.0), with the labels that its
 * samples were pushed with: the grouping labels and an empty `instance`, which the gateway adds, are taken off.
 *
 * @throws PushRejected when the text is not of that form.
 */
export function parseGroup(text: string, key: GroupingKey, gateway: string): MetricFamily[] {
  return read(`what ${gateway} holds of ${formatKey(key)}`, text, (groups) => {
    const labels = Object.fromEntries([['job', key.job], ...key.grouping]);
    const group = groups.find((candidate) => sameLabels(labelsOf(candidate), labels));
    return Object.entries(group ?? {}).flatMap(([name, value]) =>
      isFamily(value) ? [toFamily(name, value, labels)] : [],
    );
  });
}

/**
 * Who holds families of these names, from the same text.
 *
 * @throws PushRejected when the text is not of that form.
 */
export function parseHolders(text: string, names: readonly string[], gateway: string): HeldFamily[] {
  return read(`what ${gateway} holds`, text, (groups) =>
    groups.flatMap((group) => {
      const { job = '', ...grouping } = labelsOf(group);
      const key: GroupingKey = { job, grouping: Object.entries(grouping) };
      return names.flatMap((name) => {
        const family = Object.hasOwn(group, name) ? group[name] : undefined;
        return isFamily(family) ? [{ name, type: family.type.toLowerCase() as MetricType, group: key }] : [];
      });
    }),
  );
}

function read<T>(what: string, text: string, body: (groups: readonly ApiGroup[]) => T): T {
  try {
    const { data } = JSON.parse(text) as { data: readonly ApiGroup[] };
    return body(data);
  } catch (error) {
    throw new PushRejected('GROUP_UNREADABLE', `${what} cannot be read: /api/v1/metrics is not as expected`, {
      retryable: false,
      cause: error,
      hint: 'is this a Pushgateway of version 1.0 or newer?',
    });
  }
}

/** A label's value is a text, so that no group's labels look like a family, whatever they are called. */
function isFamily(value: unknown): value is ApiFamily {
  return Array.isArray((value as Partial<ApiFamily> | null | undefined)?.metrics);
}

/** The group's labels; if a family stands in their place, from the time of the last push, which each group has. */
function labelsOf({ labels, push_time_seconds: pushTime }: ApiGroup): LabelValues {
  if (!isFamily(labels)) return labels as LabelValues;
  const [sample] = (pushTime as ApiFamily).metrics;
  return Object.fromEntries(Object.entries(sample?.labels ?? {}).filter((label) => !isEmptyInstance(label)));
}

function sameLabels(a: LabelValues, b: LabelValues): boolean {
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
    (label) => !Object.hasOwn(grouping, label[0]) && !isEmptyInstance(label),
  );
  if (metric.value !== undefined) return [{ name, labels, value: readNumber(metric.value) }];
  const points = (suffix: string, bound: string, given: LabelValues = {}): Sample[] =>
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
