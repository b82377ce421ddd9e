import { isCumulative, withoutQuantiles } from '../../exposition/accumulate.js';
import type { MetricFamily } from '../../exposition/family.js';
import { parseFamilies } from '../../exposition/parse.js';
import { writeFamilies } from '../../exposition/write.js';
import { LAST_START, LAST_SUCCESS, SUCCESS_FAMILY_NAMES } from '../../outcome/batch-metrics.js';
import type { RunEntry } from './run-entry.js';

/** The values by which a group's newest run is known: last start, last success and due, in seconds, by family. */
export type LastTold = Readonly<Record<string, number>>;

const TOLD_NAMES: readonly string[] = [LAST_START, ...SUCCESS_FAMILY_NAMES];

/** What a group that holds these families was told last. */
export function lastToldBy(families: readonly MetricFamily[]): LastTold {
  return Object.fromEntries(
    families
      .filter(({ name }) => TOLD_NAMES.includes(name))
      .flatMap(({ name, samples }) => (samples[0] ? [[name, samples[0].value] as const] : [])),
  );
}

const TOLD_LINE = new RegExp(`^(${TOLD_NAMES.join('|')}) (\\S+)$`, 'gm');

/** The same of an entry's outcome, as `writeFamilies` gives it: a run's last step needs no parser. */
export function lastToldIn({ outcome }: Pick<RunEntry, 'outcome'>): LastTold {
  const lines = outcome.matchAll(TOLD_LINE);
  return Object.fromEntries(Array.from(lines, ([, name = '', value]) => [name, Number(value)]));
}

/** Of each value the newest. */
export function newestTold(a: LastTold, b: LastTold): LastTold {
  const both = TOLD_NAMES.filter((name) => name in a || name in b);
  return Object.fromEntries(both.map((name) => [name, Math.max(a[name] ?? 0, b[name] ?? 0)]));
}

/** Whether the start that a group was told last lies in the future, so that a clock was wrong. */
export function isStartInFuture(last: LastTold, nowMs: number): boolean {
  return (last[LAST_START] ?? 0) * 1000 > nowMs + CLOCK_SKEW_MS;
}

const CLOCK_SKEW_MS = 60_000;

/**
 * What an entry still has to tell a group that has heard of a later run since: its last success and due if they are
 * newer, and the counts that are added up. The rest would put old values over new ones. An entry that is not late is
 * returned as it is.
 */
export function lateEntry(entry: RunEntry, last: LastTold): RunEntry {
  if ((last[LAST_START] ?? 0) * 1000 <= entry.startedAtMs + 0.5) return entry;
  const news = parseFamilies(entry.outcome).filter(({ name, samples }) => {
    return SUCCESS_FAMILY_NAMES.includes(name) && (samples[0]?.value ?? 0) > (last[name] ?? 0);
  });
  const outcome = writeFamilies(news);
  const counts = entry.accumulate ? readable(entry.own).filter(isCumulative) : [];
  return {
    ...entry,
    put: false,
    outcome,
    own: writeFamilies(counts.map(withoutQuantiles)),
  };
}

/**
 * The outcome of a run that is not late, though a run that overlapped it succeeded after it and was told first: with the
 * success that was told, since a last success is never moved back. One in the future was told by a wrong clock.
 */
export function withToldSuccess(
  outcome: readonly MetricFamily[],
  last: LastTold,
  nowMs: number,
): readonly MetricFamily[] {
  const told = last[LAST_SUCCESS] ?? 0;
  if ((lastToldBy(outcome)[LAST_SUCCESS] ?? told) >= told || told * 1000 > nowMs) return outcome;
  return outcome.map((family) => {
    const value = SUCCESS_FAMILY_NAMES.includes(family.name) ? last[family.name] : undefined;
    return value === undefined ? family : { ...family, samples: [{ name: family.name, labels: [], value }] };
  });
}

/** Whether an entry has its whole outcome to tell, and not only what is left of one that is late. */
export function tellsStart({ outcome }: RunEntry): boolean {
  return LAST_START in lastToldIn({ outcome });
}

/** Whether nothing is left to be told. */
export function saysNothing({ outcome, own }: RunEntry): boolean {
  return outcome === '' && own === '';
}

/** The families of a text, or none if it cannot be read. */
function readable(text: string): MetricFamily[] {
  try {
    return parseFamilies(text);
  } catch {
    return [];
  }
}
