import { AccumulateConflict } from '../../exposition/accumulate.js';
import type { MetricFamily } from '../../exposition/family.js';
import { TextFormatError } from '../../exposition/line-reader.js';
import { parseFamilies } from '../../exposition/parse.js';
import { createRunningSum } from '../../exposition/running-sum.js';
import { writeFamilies } from '../../exposition/write.js';
import { LAST_SUCCESS, SUCCESS_FAMILY_NAMES } from '../../outcome/batch-metrics.js';
import { lastToldBy } from './late-entry.js';
import type { RunEntry } from './run-entry.js';

/** One entry that leaves the group as pushing several in order would. Each is read once, however many there are. */
export interface EntryFold {
  /**
   * Adds the entry that follows. `false` if there is no one entry for them, and nothing is added: where they count
   * differently, where a base is fixed already, or where one cannot be read.
   */
  add(next: RunEntry): boolean;
  entry(): RunEntry;
}

export function startFold(first: RunEntry): EntryFold {
  let last = first;
  let parts: Parts | undefined;
  return {
    add(next) {
      if (next.put) {
        last = next;
        parts = undefined;
        return true;
      }
      if (last.accumulate !== next.accumulate || next.base !== undefined) return false;
      // A base covers the first entry's counts only.
      if (next.accumulate && last.base !== undefined) return false;
      try {
        parts ??= partsOf(last);
        parts.add(next);
      } catch (error) {
        // Conflicting or unreadable metrics are dealt with one by one.
        if (error instanceof AccumulateConflict || error instanceof TextFormatError) return false;
        throw error;
      }
      last = { ...next, put: last.put, startedAtMs: Math.max(last.startedAtMs, next.startedAtMs) };
      return true;
    },
    entry: () => (parts ? { ...last, ...parts.texts() } : last),
  };
}

/** The texts of an entry, as families. */
interface Parts {
  add(entry: RunEntry): void;
  texts(): Pick<RunEntry, 'outcome' | 'own'>;
}

function partsOf(first: RunEntry): Parts {
  const outcome = byName();
  const own = first.accumulate ? createRunningSum() : byName();
  const add = (entry: RunEntry): void => {
    const told = parseFamilies(entry.outcome);
    own.add(parseFamilies(entry.own));
    outcome.add(withoutOlderSuccess(told, outcome.families()));
  };
  add(first);
  return {
    add,
    texts: () => ({
      outcome: writeFamilies(outcome.families()),
      own: writeFamilies(own.families()),
    }),
  };
}

/** Families by name, the later one in place of the earlier, as the gateway keeps them after two POSTs. */
function byName(): { add(families: readonly MetricFamily[]): void; families(): MetricFamily[] } {
  const kept = new Map<string, MetricFamily>();
  return {
    add(families) {
      for (const family of families) kept.set(family.name, family);
    },
    families: () => [...kept.values()],
  };
}

/** An outcome without its success, if the one before it is newer: of runs that overlap, either may be written first. */
function withoutOlderSuccess(
  told: readonly MetricFamily[],
  before: readonly MetricFamily[],
): readonly MetricFamily[] {
  const [now, then] = [told, before].map((families) => lastToldBy(families)[LAST_SUCCESS] ?? 0);
  return (now ?? 0) < (then ?? 0) ? told.filter(({ name }) => !SUCCESS_FAMILY_NAMES.includes(name)) : told;
}
