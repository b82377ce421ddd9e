import type { EntryTimes, GivenTimes } from '../entry/entry.js';

/*
 * What is known of a group's times stands in the names of its files, so that a look at the folder tells it. A file that
 * ends in `.json` is an entry that waits; an empty one that ends in `.given` says which times were given to samples that
 * no entry holds any more.
 */

/** Whether a run succeeded or failed; `other` are the times of starts, of updates, and of what was refused. */
export type Kind = 'succeeded' | 'failed' | 'other';

export interface GivenName {
  readonly name: string;
  readonly times: EntryTimes;
  readonly kind: Kind;
  /** An entry's size; 0 for times alone. */
  readonly bytes: number;
  readonly waits: boolean;
}

const ENTRY = /^(\d{16})-(\d{16})-(succeeded|failed)-(\d{1,12})-[0-9a-f]+\.json$/;
const GIVEN = /^(\d{16})-(\d{16})-(succeeded|failed|other)\.given$/;

/** Names sort in the order of the times of their samples. */
export function entryName(times: EntryTimes, kind: Kind, bytes: number, random: string): string {
  return `${head(times)}-${kind}-${bytes}-${random}.json`;
}

export function givenName(times: EntryTimes, kind: Kind): string {
  return `${head(times)}-${kind}.given`;
}

/** What the names of a folder say, by time; other files say nothing. */
export function readNames(names: readonly string[]): GivenName[] {
  return names
    .flatMap((name) => {
      const [, endMs, startMs, kind, bytes = '0'] = ENTRY.exec(name) ?? GIVEN.exec(name) ?? [];
      if (kind === undefined) return [];
      const times = { endMs: Number(endMs), startMs: Number(startMs) };
      return [{ name, times, kind: kind as Kind, bytes: Number(bytes), waits: name.endsWith('.json') }];
    })
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** The newest times that any of these was given. */
export function newestTimes(given: readonly GivenName[]): GivenTimes {
  let newestMs = 0;
  let newestStartMs = 0;
  for (const { times } of given) {
    newestMs = Math.max(newestMs, times.endMs);
    newestStartMs = Math.max(newestStartMs, times.startMs);
  }
  return { newestMs, newestStartMs };
}

/** Which runs are newer than `endMs`, whether they wait or were delivered. */
export function newerRuns(
  given: readonly GivenName[],
  endMs: number,
): { readonly run: boolean; readonly success: boolean } {
  const newer = given.filter(({ times, kind }) => kind !== 'other' && times.endMs > endMs);
  return { run: newer.length > 0, success: newer.some(({ kind }) => kind === 'succeeded') };
}

/** The names of times alone that say no more than another of their kind, and may go. */
export function outdated(given: readonly GivenName[]): string[] {
  const newest = new Map<Kind, GivenName>();
  for (const each of given) if (!each.waits) newest.set(each.kind, each);
  return given.filter((each) => !each.waits && newest.get(each.kind) !== each).map(({ name }) => name);
}

function head({ endMs, startMs }: EntryTimes): string {
  return `${pad(endMs)}-${pad(startMs)}`;
}

function pad(timeMs: number): string {
  return String(Math.max(0, timeMs)).padStart(16, '0');
}
