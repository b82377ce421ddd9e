import type { Labels, MetricFamily, MetricType, Sample } from '../exposition/family.js';
import { parseNumber } from '../exposition/number.js';
import { formatGoFloat as boundText } from './go-number.js';

/** A family as the Pushgateway keeps it: each metric whole, a histogram's or summary's parts together. */
export interface StoredFamily {
  readonly name: string;
  readonly help: string;
  readonly type: MetricType;
  readonly metrics: readonly Metric[];
}

/** One metric; its labels are sorted by name and hold no `le` or `quantile` of their kind. */
export interface Metric {
  readonly labels: Labels;
  readonly value: MetricValue;
}

export type MetricValue =
  | { readonly kind: 'single'; readonly value: number }
  | {
      readonly kind: 'histogram';
      readonly count: number;
      readonly sum: number;
      readonly buckets: readonly (readonly [upperBound: number, count: number])[];
    }
  | {
      readonly kind: 'summary';
      readonly count: number;
      readonly sum: number;
      readonly quantiles: readonly (readonly [quantile: number, value: number])[];
    };

/** Why a text that parses still makes no family. */
export class FamilyError extends Error {}

/**
 * The family as it is stored under grouping labels: those overwrite what the samples carry, and an `instance`
 * is there, empty if need be (Pushgateway 1.5.1).
 *
 * @throws FamilyError for a `le` or `quantile` that is no number, or a count that is not finite.
 */
export function storeFamily(family: MetricFamily, grouping: Labels): StoredFamily {
  const { name, help = '', type } = family;
  const metrics =
    type === 'histogram' || type === 'summary'
      ? joinParts(family, type)
      : family.samples.map(({ labels, value }) => ({ labels, value: { kind: 'single', value } as const }));
  return {
    name,
    help,
    type,
    metrics: metrics.map(({ labels, value }) => ({ labels: withGrouping(labels, grouping), value })),
  };
}

function joinParts({ name, samples }: MetricFamily, type: 'histogram' | 'summary'): Metric[] {
  const boundLabel = type === 'histogram' ? 'le' : 'quantile';
  const joined = new Map<
    string,
    { labels: Labels; count: number; sum: number; points: [number, number][] }
  >();
  for (const sample of samples) {
    const labels = sample.labels.filter(([label]) => label !== boundLabel);
    const key = labelsKey(sortLabels(labels));
    const metric = joined.get(key) ?? { labels, count: 0, sum: 0, points: [] };
    joined.set(key, metric);
    const bound = readBound(sample, boundLabel);
    if (sample.name === `${name}_count`) metric.count = laterCount(metric.count, readCount(sample, type));
    else if (sample.name === `${name}_sum`) metric.sum = sample.value;
    else if (bound !== undefined && type === 'histogram')
      metric.points.push([bound, readCount(sample, type)]);
    else if (bound !== undefined) metric.points.push([bound, sample.value]);
  }
  return [...joined.values()].map(({ labels, count, sum, points }) => ({
    labels,
    value:
      type === 'histogram'
        ? { kind: 'histogram', count, sum, buckets: points }
        : { kind: 'summary', count, sum, quantiles: points },
  }));
}

/**
 * The counts of a histogram may be fractional since Pushgateway 1.11, those of a summary may not. A deliberate
 * difference: the Pushgateway stores 9223372036854775808 for a count of NaN or an infinity (1.5.1).
 */
function readCount({ name, value }: Sample, type: 'histogram' | 'summary'): number {
  if (!Number.isFinite(value)) throw new FamilyError(`expected a finite count for "${name}", got ${value}`);
  if (type === 'histogram' && value < 0 && !Number.isInteger(value))
    throw new FamilyError(`negative count for "${name}", got ${value}`);
  return type === 'histogram' ? value : Math.trunc(value);
}

/** Of two counts of one metric the later, but a fractional one outranks a whole one (1.11.3 keeps them apart). */
function laterCount(before: number, count: number): number {
  return Number.isInteger(count) && !Number.isInteger(before) ? before : count;
}

function readBound({ labels }: Sample, boundLabel: string): number | undefined {
  const text = labels.find(([label]) => label === boundLabel)?.[1];
  if (text === undefined) return undefined;
  const bound = parseNumber(text);
  if (bound === undefined)
    throw new FamilyError(`expected float as value for '${boundLabel}' label, got "${text}"`);
  return Number.isNaN(bound) ? undefined : bound;
}

function withGrouping(labels: Labels, grouping: Labels): Labels {
  const merged = new Map([...labels, ...grouping]);
  if (!merged.has('instance')) merged.set('instance', '');
  return sortLabels([...merged]);
}

export function sortLabels(labels: Labels): Labels {
  return [...labels].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
}

/** Equal for equal labels, and for no others. */
export function labelsKey(labels: Labels): string {
  return JSON.stringify(labels);
}

/** The family as samples again, with the `+Inf` bucket and the sums and counts that the text format wants. */
export function toFamily({ name, help, type, metrics }: StoredFamily): MetricFamily {
  return {
    name,
    type,
    ...(help === '' ? {} : { help }),
    samples: metrics.flatMap((metric) => toSamples(name, metric)),
  };
}

function toSamples(name: string, { labels, value }: Metric): Sample[] {
  if (value.kind === 'single') return [{ name, labels, value: value.value }];
  const totals = [
    { name: `${name}_sum`, labels, value: value.sum },
    { name: `${name}_count`, labels, value: value.count },
  ];
  if (value.kind === 'summary') {
    const quantiles = value.quantiles.map(([quantile, at]) => ({
      name,
      labels: [...labels, ['quantile', boundText(quantile)] as const],
      value: at,
    }));
    return [...quantiles, ...totals];
  }
  const bounds = value.buckets.some(([bound]) => bound === Number.POSITIVE_INFINITY)
    ? value.buckets
    : [...value.buckets, [Number.POSITIVE_INFINITY, value.count] as const];
  const buckets = bounds.map(([bound, count]) => ({
    name: `${name}_bucket`,
    labels: [...labels, ['le', boundText(bound)] as const],
    value: count,
  }));
  return [...buckets, ...totals];
}
