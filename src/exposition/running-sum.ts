import { accumulate, groupByMetric, isCumulative, withoutQuantiles } from './accumulate.js';
import type { MetricFamily, Sample } from './family.js';

/** The sum of the families of many runs, as `accumulate` and the gateway make it of one after the other. */
export interface RunningSum {
  /**
   * Adds a run's families, in time that grows with these alone.
   *
   * @throws AccumulateConflict where they cannot go on from the sum, which then stays as it was.
   */
  add(run: readonly MetricFamily[]): void;
  families(): MetricFamily[];
}

/** A family with its samples by metric, and the run that touched each last: only that run's quantiles stay. */
interface Total {
  readonly family: MetricFamily;
  readonly metrics: Map<string, { readonly samples: readonly Sample[]; readonly run: number }>;
  readonly run: number;
}

export function createRunningSum(): RunningSum {
  const totals = new Map<string, Total>();
  let run = 0;
  return {
    add(families) {
      run++;
      // All is added up before anything is kept, so that a conflict changes nothing.
      const sums = families.map((family) => [family, sumOf(totals.get(family.name), family)] as const);
      for (const [family, metrics] of sums) {
        const kept = isCumulative(family) ? totals.get(family.name)?.metrics : undefined;
        const total = { family, metrics: kept ?? new Map(), run };
        // Deleted first, since a map keeps the place of a key that it has.
        totals.delete(family.name);
        totals.set(family.name, total);
        for (const [key, samples] of metrics) total.metrics.set(key, { samples, run });
      }
    },
    families: () => [...totals.values()].map(familyOf),
  };
}

/** The samples of each metric of a family, going on from its total. */
function sumOf(total: Total | undefined, family: MetricFamily): [key: string, samples: readonly Sample[]][] {
  const metrics = [...groupByMetric(family)];
  if (!total) return metrics;
  // Tells a family that is of another type now.
  accumulate([{ ...total.family, samples: [] }], [family]);
  if (!isCumulative(family)) return metrics;
  return metrics.map(([key, samples]) => {
    const before = total.metrics.get(key);
    if (!before) return [key, samples];
    const [sum] = accumulate([{ ...total.family, samples: before.samples }], [{ ...family, samples }]);
    return [key, sum?.samples ?? samples];
  });
}

function familyOf({ family, metrics, run }: Total): MetricFamily {
  const samples = [...metrics.values()].flatMap((metric) =>
    metric.run === run ? metric.samples : withoutQuantiles({ ...family, samples: metric.samples }).samples,
  );
  return { ...family, samples };
}
