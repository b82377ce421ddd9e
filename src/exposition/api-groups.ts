import type { Labels, MetricFamily, MetricType, Sample } from './family.js';
import { isEmptyInstance } from './reserved.js';

/** What a Pushgateway holds of a group. */
export interface GatewayGroup {
  /** `job` and the grouping labels. */
  readonly labels: Labels;
  /**
   * The gateway's push times among them; their samples carry the labels that they were pushed with. The grouping labels
   * and an empty `instance`, which the gateway adds, are taken off.
   */
  readonly families: readonly MetricFamily[];
}

type LabelValues = Readonly<Record<string, string>>;

/**
 * The group's families by name, and beside them its `labels` and `last_push_successful`, in whose places a family of
 * that name stands (Pushgateway 1.5.1 and 1.11.3). Nothing of it is converted yet.
 */
export type ApiGroup = Readonly<Record<string, unknown>>;

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
 * All groups of the answer of `/api/v1/metrics` (Pushgateway since 1.0), once it is parsed as JSON.
 *
 * @throws TypeError if it is not of that form.
 */
export function readGroups(answer: unknown): GatewayGroup[] {
  return apiGroups(answer).map(readGroup);
}

/** @throws TypeError if the answer is not of that form. */
export function apiGroups(answer: unknown): readonly ApiGroup[] {
  const { data } = answer as { data?: unknown };
  if (!Array.isArray(data)) throw new TypeError('expected a list of groups as data');
  return data as readonly ApiGroup[];
}

/** @throws TypeError if the group is not of that form. */
export function readGroup(group: ApiGroup): GatewayGroup {
  const labels = Object.entries(labelsOf(group));
  const grouping = new Set(labels.map(([name]) => name));
  const families = Object.entries(group).flatMap(([name, value]) =>
    isFamily(value) ? [toFamily(name, value, grouping)] : [],
  );
  return { labels, families };
}

/** A label's value is a text, so that no group's labels look like a family, whatever they are called. */
function isFamily(value: unknown): value is ApiFamily {
  return Array.isArray((value as Partial<ApiFamily> | null | undefined)?.metrics);
}

/** The group's labels; if a family stands in their place, from the time of the last push, which each group has. */
export function labelsOf({ labels, push_time_seconds: pushTime }: ApiGroup): LabelValues {
  if (!isFamily(labels)) return labels as LabelValues;
  const [sample] = (pushTime as ApiFamily).metrics;
  return Object.fromEntries(Object.entries(sample?.labels ?? {}).filter((label) => !isEmptyInstance(label)));
}

function toFamily(
  name: string,
  { type, help, metrics }: ApiFamily,
  grouping: ReadonlySet<string>,
): MetricFamily {
  return {
    name,
    type: type.toLowerCase() as MetricType,
    ...(help === undefined ? {} : { help }),
    samples: metrics.flatMap((metric) => toSamples(name, metric, grouping)),
  };
}

function toSamples(name: string, metric: ApiMetric, grouping: ReadonlySet<string>): Sample[] {
  const labels = withoutGrouping(Object.entries(metric.labels), grouping);
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

/** The labels that a sample was pushed with. */
export function withoutGrouping(labels: Labels, grouping: ReadonlySet<string>): Labels {
  return labels.filter((label) => !grouping.has(label[0]) && !isEmptyInstance(label));
}

function readNumber(text: string | undefined): number {
  if (text === undefined || text === '') throw new TypeError('a value is missing');
  return Number(text.replace('Inf', 'Infinity'));
}
