import { accumulate, isCumulative } from '../../exposition/accumulate.js';
import type { MetricFamily } from '../../exposition/family.js';
import { parseFamilies } from '../../exposition/parse.js';
import { writeFamilies } from '../../exposition/write.js';
import { LABELLED_BY_JOB, LAST_START, SUCCESS_FAMILY_NAMES } from '../../outcome/batch-metrics.js';
import type { GroupingKey } from '../grouping-key.js';

/** What a run's end has to tell its group: plain data, so that it can wait on disk until it is told. */
export interface RunEntry {
  readonly key: GroupingKey;
  readonly startedAtMs: number;
  /** The final push of a success that replaces the whole group. */
  readonly put: boolean;
  /** The outcome's families, for a push with the job's own metrics. */
  readonly outcome: string;
  /** The same for a push without them, where they are refused. */
  readonly outcomeAlone: string;
  /** The job's own metrics of this run; '' where there are none. */
  readonly own: string;
  /** Whether the counts in `own` are this run's part, to be added to what the gateway holds. */
  readonly accumulate: boolean;
  /** What `own` goes on from, once that is fixed: from then on a push of this entry is absolute. */
  readonly base?: string;
}

/** Whether the counts of this entry cannot be pushed before it is known what they go on from. */
export function needsBase({ accumulate, own, base }: RunEntry): boolean {
  return accumulate && own !== '' && base === undefined;
}

/** The outcome alone of an entry whose own metrics were not refused, but must wait. */
export function outcomeOf(entry: RunEntry): RunEntry {
  const lone = parseFamilies(entry.outcome).filter(({ name }) => !LABELLED_BY_JOB.includes(name));
  const { base: _, ...rest } = entry;
  return { ...rest, put: false, outcome: writeFamilies(lone), own: '' };
}

/** Whether the outcome alone tells all of an entry. */
export function isOutcomeAll(entry: RunEntry): boolean {
  return entry.own === '' && !entry.put && outcomeOf(entry).outcome === entry.outcome;
}

/** The entry with its counts going on from `held`, of which only what it needs is kept. */
export function withBase(entry: RunEntry, held: readonly MetricFamily[]): RunEntry {
  const names = new Set(parseFamilies(entry.own).map(({ name }) => name));
  return { ...entry, base: writeFamilies(held.filter(({ name }) => names.has(name))) };
}

/**
 * The text to push for an entry, the job's own metrics included.
 *
 * @throws AccumulateConflict when they cannot go on from their base.
 */
export function entryText({ outcome, own, base }: RunEntry): string {
  if (!base) return outcome + own;
  return outcome + writeFamilies(accumulate(parseFamilies(base), parseFamilies(own)));
}

/**
 * What an entry still has to tell a group that has heard of a later run since: its last success and due where
 * they are newer than what is held, and the counts that are added up. The rest would put old values over new
 * ones. An entry that is not late is returned as it is.
 */
export function lateEntry(entry: RunEntry, held: readonly MetricFamily[]): RunEntry {
  const heldStartMs = (singleValue(held, LAST_START) ?? 0) * 1000;
  if (heldStartMs <= entry.startedAtMs + 0.5) return entry;
  const news = parseFamilies(entry.outcome).filter(({ name, samples }) => {
    return SUCCESS_FAMILY_NAMES.includes(name) && (samples[0]?.value ?? 0) > (singleValue(held, name) ?? 0);
  });
  const outcome = writeFamilies(news);
  const counts = entry.accumulate ? readable(entry.own).filter(isCumulative) : [];
  return {
    ...entry,
    put: false,
    outcome,
    outcomeAlone: outcome,
    own: writeFamilies(counts.map(withoutQuantiles)),
  };
}

/** The families of a text, or none where it cannot be read. */
function readable(text: string): MetricFamily[] {
  try {
    return parseFamilies(text);
  } catch {
    return [];
  }
}

export function withoutQuantiles(family: MetricFamily): MetricFamily {
  if (family.type !== 'summary') return family;
  return {
    ...family,
    samples: family.samples.filter(({ labels }) => !labels.some(([name]) => name === 'quantile')),
  };
}

function singleValue(families: readonly MetricFamily[], name: string): number | undefined {
  return families.find((family) => family.name === name)?.samples[0]?.value;
}
