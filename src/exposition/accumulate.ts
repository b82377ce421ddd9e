import type { Labels, MetricFamily, MetricType, Sample } from './family.js';
import { isEmptyInstance } from './reserved.js';

/** Why values cannot be continued: what is held is of another kind. */
export class AccumulateConflict extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'AccumulateConflict';
  }
}

/** The types whose values go on from run to run. */
const CUMULATIVE: ReadonlySet<MetricType> = new Set(['counter', 'histogram', 'summary']);

/**
 * The families of `run` with their counts going on from `base`: counters, histogram buckets, sums and counts are
 * added up; gauges, untyped values and quantiles are the run's own. Label sets of a family that the run did not
 * touch keep their values (a summary's its sum and count). Families that only `base` has are left out. A metric that
 * `base` has with NaN or an infinity begins anew: nothing that is added to these can be told.
 *
 * @throws AccumulateConflict where a family is of another type in `base`, or a histogram has other buckets.
 */
export function accumulate(base: readonly MetricFamily[], run: readonly MetricFamily[]): MetricFamily[] {
  const held = new Map(base.map((family) => [family.name, family]));
  return run.map((family) => {
    const before = held.get(family.name);
    if (!before) return family;
    if (before.type !== family.type && (CUMULATIVE.has(family.type) || CUMULATIVE.has(before.type))) {
      throw new AccumulateConflict(
        `metric "${family.name}" is of the type ${family.type}, and what is held of that name is of the type ${before.type}: it cannot go on from there`,
      );
    }
    return CUMULATIVE.has(family.type) ? { ...family, samples: addSamples(family, before) } : family;
  });
}

/** Whether a family holds counts that `accumulate` adds up. */
export function isCumulative({ type }: Pick<MetricFamily, 'type'>): boolean {
  return CUMULATIVE.has(type);
}

/** A sample of a count that nothing can go on from: NaN or an infinity. */
export function findUncountable({ type, samples }: MetricFamily): Sample | undefined {
  return samples.find((sample) => isUncountable(sample, type));
}

/** Whether a sample of a family of this type is a count that nothing can go on from. */
export function isUncountable(sample: Sample, type: MetricType): boolean {
  return !Number.isFinite(sample.value) && CUMULATIVE.has(type) && !isQuantile(sample, type);
}

function addSamples(run: MetricFamily, base: MetricFamily): Sample[] {
  const before = groupByMetric(base);
  const now = groupByMetric(run);
  const touched = [...now].flatMap(([key, samples]) => {
    const held = before.get(key) ?? [];
    return addMetric(run, samples, findUncountable({ ...base, samples: held }) ? [] : held);
  });
  const untouched = [...before]
    .filter(([key]) => !now.has(key))
    .flatMap(([, samples]) => samples.filter((sample) => !isQuantile(sample, base.type)));
  return [...touched, ...untouched];
}

function addMetric(family: MetricFamily, run: readonly Sample[], base: readonly Sample[]): Sample[] {
  const held = new Map(base.map((sample) => [partKey(sample, family.type), sample.value]));
  if (family.type === 'histogram' && base.length > 0) checkBuckets(family.name, run, base);
  return run.map((sample) =>
    isQuantile(sample, family.type)
      ? sample
      : { ...sample, value: sample.value + (held.get(partKey(sample, family.type)) ?? 0) },
  );
}

function checkBuckets(name: string, run: readonly Sample[], base: readonly Sample[]): void {
  const [now, before] = [run, base].map((samples) => {
    const bounds = samples.flatMap((sample) => boundOf(sample) ?? []).filter(Number.isFinite);
    return bounds.sort((a, b) => a - b).join(', ');
  });
  if (now !== before) {
    throw new AccumulateConflict(
      `metric "${name}" has the buckets ${now || '(none)'}, and what is held of it ${before || '(none)'}: it cannot go on from there`,
    );
  }
}

/** The samples of each metric of a family, by its labels without those that tell its parts apart. */
export function groupByMetric({ type, samples }: MetricFamily): Map<string, Sample[]> {
  const metrics = new Map<string, Sample[]>();
  for (const sample of samples) {
    const own = ownLabels(sample.labels, type).filter((label) => !isEmptyInstance(label));
    const key = JSON.stringify(own.sort(([a], [b]) => (a < b ? -1 : 1)));
    const metric = metrics.get(key) ?? [];
    metric.push(sample);
    metrics.set(key, metric);
  }
  return metrics;
}

function ownLabels(labels: Labels, type: MetricType): Labels {
  if (type === 'histogram') return labels.filter(([name]) => name !== 'le');
  return type === 'summary' ? labels.filter(([name]) => name !== 'quantile') : labels;
}

/** Which part of its metric a sample is; bounds are compared as numbers, since `1e+06` is `1000000`. */
function partKey(sample: Sample, type: MetricType): string {
  return type === 'histogram' ? `${sample.name} ${boundOf(sample) ?? ''}` : sample.name;
}

function boundOf({ name, labels }: Sample): number | undefined {
  if (!name.endsWith('_bucket')) return undefined;
  const text = labels.find(([label]) => label === 'le')?.[1];
  return text === undefined ? undefined : Number(text.replace('Inf', 'Infinity'));
}

function isQuantile({ labels }: Sample, type: MetricType): boolean {
  return type === 'summary' && labels.some(([name]) => name === 'quantile');
}

/** A family without its quantiles, which tell of one run only. */
export function withoutQuantiles(family: MetricFamily): MetricFamily {
  if (family.type !== 'summary') return family;
  return { ...family, samples: family.samples.filter((sample) => !isQuantile(sample, family.type)) };
}
