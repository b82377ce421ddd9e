import { describeThrown } from '../../../errors.js';
import type { Log } from '../../../log.js';
import type { PushError } from '../../http/push-error.js';
import type { RetryLimits } from '../../http/try-again.js';
import type { SendReport } from '../../target.js';
import { followUp, type Settled } from '../follow-up.js';
import { SAMPLE_FAR_AHEAD } from '../receiver/answers.js';
import type { Receiver } from '../receiver/receiver.js';
import { type OutgoingEntry, type SentEntry, sendEntries } from '../send-entries.js';
import { Unavailable } from '../send-parts.js';
import type { EntryFolder, WaitingEntry } from './entry-folder.js';
import type { GivenName } from './names.js';

/**
 * What goes as one request, of entries that may be of many groups. Each group of it costs three flushes of the disk, so few
 * requests are better; those of one group, which may have to go one by one, are fewer.
 */
export const ENTRIES_PER_REQUEST = 1000;
const ENTRIES_OF_A_GROUP = 250;
const BYTES_PER_REQUEST = 4 * 2 ** 20;
/**
 * From the first entry of a request to its last. All starts go before the outcomes, and Prometheus refuses what is an hour
 * (half of its shortest block) older than the newest sample it has of any series.
 */
const SPAN_MS = 30 * 60_000;

export interface ReplayOptions {
  /** Calls `body` with what bounds one batch. */
  readonly withLimits: <T>(body: (limits: RetryLimits) => Promise<T>) => Promise<T>;
  readonly log: Log;
  /** Told what became of each entry, before it is taken away. */
  readonly onReport: (entry: WaitingEntry, report: SendReport) => void;
  /** The name of the last entry that is to go; without it all go. */
  readonly upTo?: string;
  /** Whether the receiver has acknowledged the start of an entry of this process. */
  readonly startStored?: (name: string) => boolean;
}

/**
 * Sends what waits in these folders, the oldest first, many entries a request, until nothing waits or the receiver can
 * take no more; returns why. The caller holds the folders' locks.
 */
export async function replay(
  receiver: Receiver,
  folders: readonly EntryFolder[],
  options: ReplayOptions,
): Promise<PushError | undefined> {
  for (const folder of folders) {
    const names = new Set(folder.inFlight());
    const again = folder.waiting().filter(({ name }) => names.has(name));
    const error = await sendBatch(receiver, readBatch(again, folder), options, true);
    if (error) return error;
    if (names.size > 0) folder.setInFlight([]);
  }
  const { upTo } = options;
  const queue = inOrder(folders).filter(({ waiting }) => upTo === undefined || waiting.name <= upTo);
  for (let at = 0; at < queue.length; ) {
    const end = batchEnd(queue, at);
    const batch = queue.slice(at, end).flatMap(({ waiting, folder }) => folder.read(waiting) ?? []);
    const error = await sendTogether(receiver, batch, options);
    if (error) return error;
    at = end;
  }
  return undefined;
}

/** All that waits in these folders, the oldest first. */
export function inOrder(
  folders: readonly EntryFolder[],
): { readonly waiting: GivenName; readonly folder: EntryFolder }[] {
  return folders
    .flatMap((folder) => folder.waiting().map((waiting) => ({ waiting, folder })))
    .sort((a, b) => (a.waiting.name < b.waiting.name ? -1 : 1));
}

function readBatch(waiting: readonly GivenName[], folder: EntryFolder): WaitingEntry[] {
  return waiting.flatMap((each) => folder.read(each) ?? []);
}

function batchEnd(
  queue: readonly { readonly waiting: GivenName; readonly folder: EntryFolder }[],
  from: number,
): number {
  const ofGroup = new Map<EntryFolder, number>();
  const endsMs = (queue[from]?.waiting.times.endMs ?? 0) + SPAN_MS;
  let bytes = 0;
  let end = from;
  for (const { waiting, folder } of queue.slice(from, from + ENTRIES_PER_REQUEST)) {
    const count = (ofGroup.get(folder) ?? 0) + 1;
    bytes += waiting.bytes;
    const full = bytes > BYTES_PER_REQUEST || count > ENTRIES_OF_A_GROUP || waiting.times.endMs > endsMs;
    if (full && end > from) break;
    ofGroup.set(folder, count);
    end++;
  }
  return end;
}

/**
 * A batch, of which each group first notes what of it is under way: if this process ends before the answer comes, it is
 * known that the entries may be stored together.
 */
async function sendTogether(
  receiver: Receiver,
  batch: readonly WaitingEntry[],
  options: ReplayOptions,
): Promise<PushError | undefined> {
  const several = groupsOf(batch).filter(({ names }) => names.length > 1);
  try {
    for (const { folder, names } of several) folder.setInFlight(names);
  } catch (error) {
    // A full disk, perhaps: what goes by itself needs no note.
    const { log } = options;
    log.debug(`the spool cannot note what is sent: ${describeThrown(error)}`, { event: 'spool_unusable' });
    return sendSingly(receiver, batch, options);
  }
  const error = await sendBatch(receiver, batch, options, false);
  if (!error) for (const { folder } of several) folder.setInFlight([]);
  return error;
}

async function sendSingly(
  receiver: Receiver,
  batch: readonly WaitingEntry[],
  options: ReplayOptions,
): Promise<PushError | undefined> {
  for (const each of batch) {
    const error = await sendBatch(receiver, [each], options, false);
    if (error) return error;
  }
  return undefined;
}

function sendBatch(
  receiver: Receiver,
  batch: readonly WaitingEntry[],
  options: ReplayOptions,
  inDoubt: boolean,
): Promise<PushError | undefined> {
  if (batch.length === 0) return Promise.resolve(undefined);
  return options.withLimits((limits) => sendWithin(receiver, batch, options, inDoubt, limits));
}

async function sendWithin(
  receiver: Receiver,
  batch: readonly WaitingEntry[],
  options: ReplayOptions,
  inDoubt: boolean,
  limits: RetryLimits,
): Promise<PushError | undefined> {
  const outgoing = batch.map((each) => ({
    ...each,
    group: each.folder.path,
    startStored: each.entry.startStored || (options.startStored?.(each.name) ?? false),
  }));
  const { sent, error } = await sendEntries(receiver, outgoing, limits, { inDoubt });
  const delivered: WaitingEntry[] = [];
  const restamped = new Set<string>();
  try {
    for (const [each, result] of sent) {
      if (result.restamped) restamped.add(each.name);
      if (await isDone(receiver, each, result, { ...options, limits, error })) delivered.push(each);
    }
  } catch (reason) {
    if (!(reason instanceof Unavailable)) throw reason;
    return reason.error;
  } finally {
    for (const { folder, names } of groupsOf(delivered)) folder.remove(names, restamped);
  }
  return error;
}

/** Sends what follows from an entry's answers, and reports; whether the entry can be taken away. */
async function isDone(
  receiver: Receiver,
  each: WaitingEntry & OutgoingEntry,
  result: SentEntry,
  options: ReplayOptions & { readonly limits: RetryLimits; readonly error: PushError | undefined },
): Promise<boolean> {
  const { entry, folder } = each;
  const { error } = options;
  const ownWaits = result.outcome.stored && result.own === undefined && entry.own !== '';
  if (!ownWaits) return settle(each, await followUp(receiver, each, result, folder, options.limits), options);
  if (error) options.onReport(each, { status: 'outcome_only', error, spooled: true });
  return false;
}

/** Reports what became of an entry and sets aside what was refused; returns whether the rest is delivered. */
function settle(each: WaitingEntry, settled: Settled, { log, onReport }: ReplayOptions): boolean {
  const { name, entry, times, folder } = each;
  if (settled.status === 'delivered') {
    log.debug(`${name} of the spool: sent`, { event: 'spool_sent' });
    onReport(each, { status: 'delivered' });
    return true;
  }
  const { error } = settled;
  const reason = error.hint === undefined ? error.message : `${error.message}\nhint: ${error.hint}`;
  log.debug(`${name} of the spool: refused and set aside: ${error.message}`, { event: 'spool_set_aside' });
  onReport(
    each,
    settled.status === 'refused'
      ? { status: 'failed', error, setAside: true }
      : { status: 'outcome_only', error },
  );
  if (settled.status === 'refused') {
    folder.reject(name, reason, error.code === SAMPLE_FAR_AHEAD);
    return false;
  }
  folder.setAside(entry, times, reason);
  return true;
}

function groupsOf(
  entries: readonly WaitingEntry[],
): { readonly folder: EntryFolder; readonly names: readonly string[] }[] {
  const groups = new Map<EntryFolder, string[]>();
  for (const { folder, name } of entries) groups.set(folder, [...(groups.get(folder) ?? []), name]);
  return [...groups].map(([folder, names]) => ({ folder, names }));
}
