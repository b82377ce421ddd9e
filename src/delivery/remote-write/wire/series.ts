import type { Labels, MetricFamily, Sample } from '../../../exposition/family.js';
import type { GroupingKey } from '../../grouping-key.js';

/** A value with its time, in milliseconds since the epoch. */
export interface TimedValue {
  readonly value: number;
  readonly timeMs: number;
}

/** One time series as remote write has it. */
export interface Series {
  /** By name, `__name__` among them; none has an empty value. */
  readonly labels: Labels;
  /** By time. */
  readonly samples: readonly TimedValue[];
}

/**
 * Every sample of the direct road carries it: a gateway that is scraped into the same database has the same series
 * otherwise.
 */
export const ROAD_LABEL = ['delivery', 'remote_write'] as const;

/** Metrics that cannot be sent as series, with the metric's name. */
export class SeriesProblem extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'SeriesProblem';
  }
}

const METRIC_NAME = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/;
const LABEL_NAME = /^[a-zA-Z_][a-zA-Z0-9_]*$/;

/**
 * The labels of a sample's series: those of the group, the sample's own and the road's, by name and without empty
 * ones. `instance` is never added.
 *
 * @throws SeriesProblem for names that are none, which receivers accept without a word, and for labels that are the
 * group's or the road's.
 */
export function seriesLabels(key: GroupingKey, { name, labels }: Pick<Sample, 'name' | 'labels'>): Labels {
  if (!METRIC_NAME.test(name)) throw new SeriesProblem(`${JSON.stringify(name)} is no metric name`);
  const all = [
    ['__name__', name] as const,
    ['job', key.job] as const,
    ...key.grouping,
    ROAD_LABEL,
    ...labels,
  ];
  const seen = new Set<string>();
  for (const [label] of all) {
    if (!LABEL_NAME.test(label))
      throw new SeriesProblem(`metric "${name}": ${JSON.stringify(label)} is no label name`);
    if (seen.has(label)) {
      throw new SeriesProblem(`metric "${name}" has the label "${label}", which prombatch sets itself`);
    }
    seen.add(label);
  }
  return all.filter(([, value]) => value !== '').sort(([a], [b]) => (a < b ? -1 : 1));
}

/** What tells series apart. */
export function seriesKey(labels: Labels): string {
  return labels.map(([name, value]) => `${name}\u0000${value}`).join('\u0001');
}

/** Whether a sample counts on from its run's start, so that its first value is an increase from 0. */
export function isCount({ type }: Pick<MetricFamily, 'type'>, { labels }: Pick<Sample, 'labels'>): boolean {
  if (type === 'summary') return !labels.some(([name]) => name === 'quantile');
  return type === 'counter' || type === 'histogram';
}

/**
 * The series with those of the same labels as one, samples by time. A sample that is there twice stays once: within one
 * request receivers drop a second one of the same time without a word.
 */
export function mergeSeries(all: readonly Series[]): Series[] {
  const merged = new Map<string, { labels: Labels; samples: Map<number, TimedValue> }>();
  for (const { labels, samples } of all) {
    const key = seriesKey(labels);
    const held = merged.get(key) ?? { labels, samples: new Map() };
    for (const sample of samples) held.samples.set(sample.timeMs, sample);
    merged.set(key, held);
  }
  return [...merged.values()].map(({ labels, samples }) => ({
    labels,
    samples: [...samples.values()].sort((a, b) => a.timeMs - b.timeMs),
  }));
}

/** Each series with its newest sample alone. */
export function newestAlone(all: readonly Series[]): Series[] {
  return all.map(({ labels, samples }) => ({ labels, samples: samples.slice(-1) }));
}
