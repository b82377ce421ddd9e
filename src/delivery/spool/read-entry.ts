import { describeThrown } from '../../errors.js';
import { parseFamilies } from '../../exposition/parse.js';
import { createGroupingKey, type GroupingKey } from '../grouping-key.js';
import type { RunEntry } from '../push/run-entry.js';

/** The format of the files in a spool. */
export const FORMAT = 1;

/** What a file of the spool holds. */
export type EntryReading =
  | { readonly entry: RunEntry; readonly members: readonly string[] }
  /** It is of a later prombatch, which reads it. */
  | { readonly later: number }
  | { readonly damaged: string };

/** Reads an entry, or several as one. Every field is checked, so that nothing can break when it is sent. */
export function readEntry(text: string): EntryReading {
  try {
    const { format, entry, members } = object(JSON.parse(text));
    if (typeof format === 'number' && format > FORMAT) return { later: format };
    if (format !== FORMAT) throw new Error(`expected the format ${FORMAT}, got ${JSON.stringify(format)}`);
    return { entry: toEntry(object(entry)), members: list(members).map((name) => string('members', name)) };
  } catch (error) {
    return { damaged: describeThrown(error) };
  }
}

type Fields = Readonly<Record<string, unknown>>;

function toEntry(fields: Fields): RunEntry {
  const { key, startedAtMs, put, accumulate } = fields;
  const own = string('own', fields.own);
  if (typeof startedAtMs !== 'number' || !Number.isFinite(startedAtMs))
    throw new Error('startedAtMs is no time');
  if (typeof put !== 'boolean' || typeof accumulate !== 'boolean')
    throw new Error('put or accumulate is neither true nor false');
  // Counts are added up, so they must be readable; anything else is the gateway's to judge.
  if (accumulate) families('own', own);
  return {
    key: toKey(object(key)),
    startedAtMs,
    put,
    accumulate,
    own,
    outcome: families('outcome', fields.outcome),
    ...(fields.base === undefined ? {} : { base: families('base', fields.base) }),
  };
}

function toKey({ job, grouping }: Fields): GroupingKey {
  const pairs = list(grouping).map((pair) => {
    const [name, value] = list(pair);
    return [string('grouping', name), string('grouping', value)] as const;
  });
  return createGroupingKey(string('job', job), pairs);
}

function families(name: string, value: unknown): string {
  const text = string(name, value);
  try {
    parseFamilies(text);
  } catch (error) {
    throw new Error(`${name}: ${describeThrown(error)}`);
  }
  return text;
}

function string(name: string, value: unknown): string {
  if (typeof value !== 'string') throw new Error(`${name}: expected a text, got ${typeof value}`);
  return value;
}

function list(value: unknown): readonly unknown[] {
  if (value === undefined) return [];
  if (!Array.isArray(value)) throw new Error(`expected a list, got ${typeof value}`);
  return value;
}

function object(value: unknown): Fields {
  if (typeof value !== 'object' || value === null) throw new Error(`expected an object, got ${typeof value}`);
  return value as Fields;
}
