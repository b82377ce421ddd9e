import { describeThrown } from '../../../errors.js';
import { parseFamilies } from '../../../exposition/parse.js';
import { createGroupingKey, type GroupingKey } from '../../grouping-key.js';
import type { Entry } from './entry.js';
import { loneOutcomeSeries, outcomeSeries } from './requests.js';

/** The format of the files in the spool of this road. */
const FORMAT = 1;

/** What a file of the spool holds. */
export type EntryReading =
  | { readonly entry: Entry }
  /** It is of a later prombatch, which reads it. */
  | { readonly later: number }
  | { readonly damaged: string };

export function writeEntry(entry: Entry): string {
  return `${JSON.stringify({ format: FORMAT, entry })}\n`;
}

/** Reads an entry. Every field is checked, so that nothing can break when it is sent. */
export function readEntry(text: string): EntryReading {
  try {
    const { format, entry } = object(JSON.parse(text));
    if (typeof format === 'number' && format > FORMAT) return { later: format };
    if (format !== FORMAT) throw new Error(`expected the format ${FORMAT}, got ${JSON.stringify(format)}`);
    return { entry: toEntry(object(entry)) };
  } catch (error) {
    return { damaged: describeThrown(error) };
  }
}

type Fields = Readonly<Record<string, unknown>>;

function toEntry({ key, startedAtMs, startStored, outcome, outcomeAlone, own, begun }: Fields): Entry {
  if (typeof startStored !== 'boolean') throw new Error('startStored is neither true nor false');
  const read: Entry = {
    key: toKey(object(key)),
    startedAtMs: number('startedAtMs', startedAtMs),
    startStored,
    outcome: families('outcome', outcome),
    outcomeAlone: families('outcomeAlone', outcomeAlone),
    own: text('own', own),
    begun: list(begun).map((pair) => {
      const [series, zeroMs] = list(pair);
      return [text('begun', series), zeroMs === null ? null : number('begun', zeroMs)] as const;
    }),
  };
  // What cannot be sent would keep all that waits with it.
  outcomeSeries(read, { startMs: 0, endMs: 0 });
  loneOutcomeSeries(read, { startMs: 0, endMs: 0 });
  return read;
}

function toKey({ job, grouping }: Fields): GroupingKey {
  const pairs = list(grouping).map((pair) => {
    const [name, value] = list(pair);
    return [text('grouping', name), text('grouping', value)] as const;
  });
  return createGroupingKey(text('job', job), pairs);
}

function families(name: string, value: unknown): string {
  const given = text(name, value);
  try {
    parseFamilies(given);
  } catch (error) {
    throw new Error(`${name}: ${describeThrown(error)}`);
  }
  return given;
}

function text(name: string, value: unknown): string {
  if (typeof value !== 'string') throw new Error(`${name}: expected a text, got ${typeof value}`);
  return value;
}

function number(name: string, value: unknown): number {
  if (typeof value !== 'number' || !Number.isFinite(value)) throw new Error(`${name}: expected a number`);
  return value;
}

function list(value: unknown): readonly unknown[] {
  if (!Array.isArray(value)) throw new Error(`expected a list, got ${typeof value}`);
  return value;
}

function object(value: unknown): Fields {
  if (typeof value !== 'object' || value === null) throw new Error(`expected an object, got ${typeof value}`);
  return value as Fields;
}
