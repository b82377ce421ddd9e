import { type GatewayGroup, withoutGrouping } from '../exposition/api-groups.js';
import type { Labels, MetricFamily, Sample } from '../exposition/family.js';
import { writeFamilies } from '../exposition/write.js';
import { version } from '../version.js';
import { formatGoFloat } from './go-number.js';
import { type Metric, toFamily } from './metric.js';
import { failureTimeOf, type Group, pushTimeOf } from './store.js';

/** What `/metrics` shows: the families of all groups under one head each, sorted by name. */
export function renderMetrics(groups: readonly Group[]): string {
  const byName = new Map<string, MetricFamily & { samples: Sample[] }>();
  const add = (family: MetricFamily): void => {
    const known = byName.get(family.name);
    if (!known) byName.set(family.name, { ...family, samples: [...family.samples] });
    else for (const sample of family.samples) known.samples.push(sample);
  };
  add(BUILD_INFO);
  for (const group of groups) for (const stored of group.families.values()) add(toFamily(stored));
  return writeFamilies([...byName.values()].sort((a, b) => (a.name < b.name ? -1 : 1)));
}

const BUILD_INFO: MetricFamily = {
  name: 'pushgateway_build_info',
  help: 'Always 1; which gateway this is.',
  type: 'gauge',
  samples: [{ name: 'pushgateway_build_info', labels: [['version', `prombatch-${version}`]], value: 1 }],
};

/** The body of `/api/v1/metrics`. */
export function renderApiMetrics(groups: readonly Group[]): unknown {
  return { status: 'success', data: groups.map(renderGroup) };
}

function renderGroup(group: Group): unknown {
  const families = [...group.families.values()].map(({ name, type, help, pushedAtMs, metrics }) => [
    name,
    {
      time_stamp: new Date(pushedAtMs).toISOString(),
      type: type.toUpperCase(),
      ...(help === '' ? {} : { help }),
      metrics: metrics.map(renderMetric),
    },
  ]);
  return {
    ...Object.fromEntries(families),
    labels: Object.fromEntries(group.labels),
    last_push_successful: pushTimeOf(group) >= failureTimeOf(group),
  };
}

function renderMetric({ labels, value }: Metric): unknown {
  const points = (pairs: readonly (readonly [number, number])[]) =>
    Object.fromEntries(pairs.map(([bound, at]) => [formatGoFloat(bound), formatGoFloat(at)]));
  const shared = { labels: Object.fromEntries(labels) };
  switch (value.kind) {
    case 'single':
      return { ...shared, value: formatGoFloat(value.value) };
    case 'summary':
      return {
        ...shared,
        quantiles: points(value.quantiles),
        count: String(value.count),
        sum: formatGoFloat(value.sum),
      };
    case 'histogram':
      return {
        ...shared,
        ...histogramCounts(value.count, value.buckets),
        sum: formatGoFloat(value.sum),
      };
  }
}

/** One count that is fractional, or past 64 bits, makes all counts of the histogram floats (Pushgateway 1.11.3). */
function histogramCounts(count: number, buckets: readonly (readonly [number, number])[]) {
  const isWhole = (each: number): boolean => Number.isInteger(each) && each < 2 ** 64;
  const text = [count, ...buckets.map(([, at]) => at)].every(isWhole) ? String : formatGoFloat;
  return {
    buckets: Object.fromEntries(buckets.map(([bound, at]) => [formatGoFloat(bound), text(at)])),
    count: text(count),
  };
}

/** The group as a client reads it from `/api/v1/metrics`. */
export function toGatewayGroup(group: Group): GatewayGroup {
  const families = [...group.families.values()].map(toFamily).map((family) => ({
    ...family,
    samples: family.samples.map((sample) => ({ ...sample, labels: ownLabels(sample.labels, group) })),
  }));
  return { labels: group.labels, families };
}

/** The labels that a sample of the group was pushed with. */
export function ownLabels(labels: Labels, group: Group): Labels {
  return withoutGrouping(labels, new Set(group.labels.map(([name]) => name)));
}

/** The body of `/api/v1/status`. */
export function renderApiStatus(startedAt: Date, flags: Readonly<Record<string, string>>): unknown {
  return {
    status: 'success',
    data: {
      build_information: { version: `prombatch-${version}` },
      flags,
      start_time: startedAt.toISOString(),
    },
  };
}
