import type { MetricFamily } from '../exposition/family.js';

/** What the gateway held of the job's group before this run. */
export interface PreviousMetrics {
  /** The value of a sample by its name and all of its labels, or `undefined` where there is none. */
  value(name: string, labels?: Readonly<Record<string, string>>): number | undefined;
}

export function createPrevious(families: readonly MetricFamily[]): PreviousMetrics {
  const samples = families.flatMap((family) => family.samples);
  return {
    value(name, labels = {}) {
      const wanted = Object.entries(labels);
      return samples.find(
        (sample) =>
          sample.name === name &&
          sample.labels.length === wanted.length &&
          wanted.every(([label, value]) =>
            sample.labels.some(([own, held]) => own === label && held === value),
          ),
      )?.value;
    },
  };
}
