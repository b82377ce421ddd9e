import { TextFormatError } from '../../exposition/line-reader.js';
import { type PushError, PushRejected } from '../http/push-error.js';
import type { RetryLimits } from '../http/try-again.js';
import type { Entry, EntryTimes } from './entry/entry.js';
import { inRequests, outcomeSeries, ownSeries, SERIES_PER_REQUEST, startSeries } from './entry/requests.js';
import type { Receiver } from './receiver/receiver.js';
import { type Part, sendParts, Unavailable, type Verdict } from './send-parts.js';
import { type Series, SeriesProblem } from './wire/series.js';

/** An entry that is to be sent. */
export interface OutgoingEntry {
  readonly entry: Entry;
  readonly times: EntryTimes;
  readonly group: string;
  /** Whether the receiver has acknowledged the start, as far as is known. */
  readonly startStored: boolean;
}

/** What became of an entry's requests. */
export interface SentEntry {
  readonly outcome: Verdict;
  /** Of the job's own metrics; `undefined` if there are none, or if they could not be sent yet. */
  readonly own: Verdict | undefined;
  /** Whether the start was refused, so that the outcome said it. */
  readonly restamped: boolean;
}

export interface SentEntries<T> {
  readonly sent: ReadonlyMap<T, SentEntry>;
  /** Why not all could be sent. */
  readonly error: PushError | undefined;
}

export interface SendEntriesOptions {
  /** Whether an earlier process may have sent these entries as one request. */
  readonly inDoubt: boolean;
}

/**
 * Sends entries as three requests, one after another: the starts, the outcomes, the job's own metrics. So no bad metric can
 * keep an outcome. It stops where the receiver cannot take any more.
 */
export async function sendEntries<T extends OutgoingEntry>(
  receiver: Receiver,
  entries: readonly T[],
  limits: RetryLimits,
  { inDoubt }: SendEntriesOptions,
): Promise<SentEntries<T>> {
  const outcomes = new Map<T, Verdict>();
  const own = new Map<T, Verdict>();
  const restamped = new Set<T>();
  let error: PushError | undefined;
  try {
    const starts = entries.filter(({ startStored }) => !startStored);
    const started = await sendParts(
      receiver,
      starts.map((each) => partOf(each, startSeries(each.entry, each.times.startMs))),
      limits,
      inDoubt,
    );
    for (const [each, verdict] of started) if (!verdict.stored) restamped.add(each);
    const ended = await sendParts(
      receiver,
      entries.map((each) => outcomePart(each, restamped.has(each))),
      limits,
      inDoubt,
    );
    for (const [each, verdict] of ended) outcomes.set(each, verdict);
    const storedOnes = entries.filter((each) => outcomes.get(each)?.stored && each.entry.own !== '');
    await sendOwn(receiver, storedOnes, limits, inDoubt, own);
  } catch (reason) {
    if (!(reason instanceof Unavailable)) throw reason;
    error = reason.error;
  }
  const sent = new Map<T, SentEntry>();
  for (const [each, outcome] of outcomes)
    sent.set(each, { outcome, own: own.get(each), restamped: restamped.has(each) });
  return { sent, error };
}

/** The outcome, with a start that was refused. One of another run may be newer than this completion. */
function outcomePart<T extends OutgoingEntry>(each: T, restamped: boolean): Part<T> {
  const { entry, times } = each;
  const outcome = outcomeSeries(entry, times);
  if (!restamped) return partOf(each, outcome);
  return { ...partOf(each, [...startSeries(entry, times.endMs), ...outcome]), otherwise: outcome };
}

/** The job's own metrics of many entries in few requests, and of large entries in several. */
async function sendOwn<T extends OutgoingEntry>(
  receiver: Receiver,
  entries: readonly T[],
  limits: RetryLimits,
  inDoubt: boolean,
  verdicts: Map<T, Verdict>,
): Promise<void> {
  for (const parts of packOwn(entries, verdicts)) {
    const told = await sendParts(receiver, parts, limits, inDoubt);
    for (const [each, verdict] of told) note(verdicts, each, verdict);
  }
}

/** What goes as one request: parts of different entries, up to its limit. */
function* packOwn<T extends OutgoingEntry>(
  entries: readonly T[],
  verdicts: Map<T, Verdict>,
): Generator<Part<T>[]> {
  let pack: Part<T>[] = [];
  let size = 0;
  for (const each of entries) {
    for (const part of ownParts(each, verdicts)) {
      if (size + part.series.length > SERIES_PER_REQUEST) {
        yield pack;
        pack = [];
        size = 0;
      }
      pack.push(part);
      size += part.series.length;
    }
  }
  yield pack;
}

/** The parts of one entry, until one is refused or cannot be sent. */
function* ownParts<T extends OutgoingEntry>(each: T, verdicts: Map<T, Verdict>): Generator<Part<T>> {
  try {
    for (const series of inRequests(ownSeries(each.entry, each.times))) {
      if (verdicts.get(each)?.stored === false) return;
      yield partOf(each, series);
    }
  } catch (problem) {
    if (!(problem instanceof SeriesProblem || problem instanceof TextFormatError)) throw problem;
    note(verdicts, each, { stored: false, error: unsendable(problem), tooOld: false });
  }
}

/** A refusal of one of an entry's requests is a refusal of its metrics. */
function note<T>(verdicts: Map<T, Verdict>, each: T, verdict: Verdict): void {
  if (verdicts.get(each)?.stored !== false) verdicts.set(each, verdict);
}

function partOf<T extends OutgoingEntry>(of: T, series: readonly Series[]): Part<T> {
  return { of, group: of.group, series };
}

function unsendable(problem: Error): PushRejected {
  return new PushRejected('OWN_METRICS_REFUSED', `the job's own metrics cannot be sent: ${problem.message}`, {
    retryable: false,
    hint: 'they must be in the text format 0.0.4, with names and labels that prombatch does not set itself',
  });
}
