import type { MetricFamily, Sample } from '../../../exposition/family.js';
import { parseFamilies } from '../../../exposition/parse.js';
import { LAST_START, METRICS_REJECTED, retirementFamilies } from '../../../outcome/batch-metrics.js';
import type { GroupingKey } from '../../grouping-key.js';
import {
  isCount,
  mergeSeries,
  type Series,
  SeriesProblem,
  seriesKey,
  seriesLabels,
  type TimedValue,
} from '../wire/series.js';
import type { Entry, EntryTimes } from './entry.js';

/** What one request of the job's own metrics holds at most. */
export const SERIES_PER_REQUEST = 2000;

/** The first request of a run: its start, at its own time. */
export function startSeries(
  { key, startedAtMs }: Pick<Entry, 'key' | 'startedAtMs'>,
  startMs: number,
): Series[] {
  return toSeries(key, [{ name: LAST_START, labels: [], value: startedAtMs / 1000 }], startMs);
}

/** The second: the outcome, all of it at the completion. */
export function outcomeSeries({ key, outcome }: Entry, { endMs }: EntryTimes): Series[] {
  return familySeries(key, parseFamilies(outcome), endMs);
}

/** What of a refused outcome goes once more: the same values without labels of the job's making. */
export function loneOutcomeSeries({ key, outcomeAlone }: Entry, { endMs }: EntryTimes): Series[] {
  const families = parseFamilies(outcomeAlone).filter(({ name }) => name !== METRICS_REJECTED);
  return familySeries(key, families, endMs);
}

/** What follows a refusal of the job's own metrics, one millisecond later: the outcome said that they were stored. */
export function rejectedSeries({ key }: Entry, { endMs }: EntryTimes): Series[] {
  return toSeries(key, [{ name: METRICS_REJECTED, labels: [], value: 1 }], endMs + 1);
}

/** What says that a job was retired. */
export function retirementSeries(key: GroupingKey, retiredAtMs: number, timeMs: number): Series[] {
  return familySeries(key, retirementFamilies(retiredAtMs), timeMs);
}

/**
 * What a receiver that refused an entry as too old must know all the same: the families whose values are times. They are
 * true at any time.
 *
 * @param which the families that no newer run says.
 */
export function lastKnownSeries(
  { key, startedAtMs, outcome }: Entry,
  nowMs: number,
  which: { readonly run: boolean; readonly success: boolean },
  successNames: readonly string[],
): Series[] {
  const times = parseFamilies(outcome).filter(({ name }) =>
    successNames.includes(name) ? which.success : which.run && name.endsWith('_timestamp_seconds'),
  );
  return [...(which.run ? startSeries({ key, startedAtMs }, nowMs) : []), ...familySeries(key, times, nowMs)];
}

/**
 * The job's own series. A count has a 0 before its first sample of the run, so that `increase()` is right whatever the
 * series held before.
 *
 * @throws SeriesProblem or TextFormatError for what cannot be sent; what was given before that is right.
 */
export function* ownSeries({ key, own, begun }: Entry, { endMs }: EntryTimes): Generator<Series> {
  const zeros = new Map(begun);
  const seen = new Set<string>();
  for (const family of parseFamilies(own)) {
    for (const sample of family.samples) {
      const labels = seriesLabels(key, checkSample(sample));
      const id = seriesKey(labels);
      if (seen.has(id)) throw new SeriesProblem(`metric "${sample.name}" has the same labels twice`);
      seen.add(id);
      const zeroMs = zeros.has(id) ? zeros.get(id) : endMs - 1;
      const zero: TimedValue[] =
        isCount(family, sample) && typeof zeroMs === 'number' ? [{ value: 0, timeMs: zeroMs }] : [];
      yield { labels, samples: [...zero, { value: sample.value, timeMs: endMs }] };
    }
  }
}

/** Several at a time, so that the requests of many series take no more memory than those of few. */
export function* inRequests(all: Iterable<Series>): Generator<Series[]> {
  let chunk: Series[] = [];
  for (const series of all) {
    chunk.push(series);
    if (chunk.length < SERIES_PER_REQUEST) continue;
    yield chunk;
    chunk = [];
  }
  if (chunk.length > 0) yield chunk;
}

function checkSample(sample: Sample): Sample {
  if (sample.timestampMs === undefined) return sample;
  throw new SeriesProblem(`metric "${sample.name}" has a timestamp, which only prombatch sets`);
}

function familySeries(key: GroupingKey, families: readonly MetricFamily[], timeMs: number): Series[] {
  return toSeries(
    key,
    families.flatMap(({ samples }) => samples),
    timeMs,
  );
}

function toSeries(key: GroupingKey, samples: readonly Sample[], timeMs: number): Series[] {
  return mergeSeries(
    samples.map((sample) => ({
      labels: seriesLabels(key, sample),
      samples: [{ value: sample.value, timeMs }],
    })),
  );
}
