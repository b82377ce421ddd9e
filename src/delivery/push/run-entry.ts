import { accumulate } from '../../exposition/accumulate.js';
import type { MetricFamily } from '../../exposition/family.js';
import { namesIn, parseFamilies } from '../../exposition/parse.js';
import { writeFamilies } from '../../exposition/write.js';
import { LABELLED_BY_JOB, METRICS_REJECTED } from '../../outcome/batch-metrics.js';
import type { GroupingKey } from '../grouping-key.js';

/** What a run's end has to tell its group: plain data, so that it can wait on disk until it is told. */
export interface RunEntry {
  readonly key: GroupingKey;
  readonly startedAtMs: number;
  /** The final push of a success that replaces the whole group. */
  readonly put: boolean;
  /** The outcome's families. */
  readonly outcome: string;
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
  const { base: _, ...rest } = entry;
  return { ...rest, put: false, outcome: writeFamilies(loneOutcome(entry)), own: '' };
}

/** The outcome's families for a push without the job's own metrics, where they are refused. */
export function rejectedOutcome(entry: RunEntry): MetricFamily[] {
  return loneOutcome(entry).map((family) =>
    family.name === METRICS_REJECTED
      ? { ...family, samples: family.samples.map((sample) => ({ ...sample, value: 1 })) }
      : family,
  );
}

/** Without what a label of the job's making could spoil. */
function loneOutcome({ outcome }: RunEntry): MetricFamily[] {
  return parseFamilies(outcome).filter(({ name }) => !LABELLED_BY_JOB.includes(name));
}

/** Whether the outcome alone tells all of an entry. */
export function isOutcomeAll(entry: RunEntry): boolean {
  return entry.own === '' && !entry.put && outcomeOf(entry).outcome === entry.outcome;
}

/** The entry with its counts going on from `held`, of which only what it needs is kept. */
export function withBase(entry: RunEntry, held: readonly MetricFamily[]): RunEntry {
  if (held.length === 0) return { ...entry, base: '' };
  const names = namesIn(entry.own);
  return { ...entry, base: writeFamilies(held.filter(({ name }) => names.has(name))) };
}

/**
 * The job's own metrics as they are pushed.
 *
 * @throws AccumulateConflict when they cannot go on from their base.
 */
export function ownText({ own, base }: RunEntry): string {
  return base ? writeFamilies(accumulate(parseFamilies(base), parseFamilies(own))) : own;
}
