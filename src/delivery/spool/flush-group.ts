import type { MetricFamily } from '../../exposition/family.js';
import { parseFamilies } from '../../exposition/parse.js';
import { writeFamilies } from '../../exposition/write.js';
import type { Log } from '../../log.js';
import { LAST_SUCCESS } from '../../outcome/batch-metrics.js';
import type { GatewayClient, PushLimits } from '../client/gateway-client.js';
import { createGiveWay } from '../give-way.js';
import type { GroupingKey } from '../grouping-key.js';
import { mayBeReadLater, PushError, PushTimedOut } from '../http/push-error.js';
import { type EntryFold, startFold } from '../push/fold-entries.js';
import {
  isStartInFuture,
  type LastTold,
  lastToldBy,
  lastToldIn,
  lateEntry,
  newestTold,
  saysNothing,
  tellsStart,
  withToldSuccess,
} from '../push/late-entry.js';
import { isRefusedBody } from '../push/rejection.js';
import { needsBase, type RunEntry } from '../push/run-entry.js';
import { sendEntry } from '../push/send-entry.js';
import type { SendReport } from '../target.js';
import type { Fold, GroupFolder, SpooledEntry } from './group-folder.js';
import { openQueue, type Queue } from './queue.js';

/** Why not all was sent. */
export interface FlushEnd {
  readonly error: PushError;
  /** Nothing was sent, since the group could not be read. */
  readonly unread: boolean;
}

/** What goes as one request. */
interface Batch extends Fold {
  /** Several entries as one, which the folder knows of. */
  readonly folded: boolean;
}

/** How much of the jobs' own metrics goes as one request: a gateway and a proxy in front of it must take it. */
const FOLD_LENGTH = 2 * 1024 * 1024;

/** What became of an entry; `late` is that it had nothing left to tell, and was dropped. */
export type EntryReport = SendReport | { readonly status: 'late' };

export interface FlushOptions {
  readonly folder: GroupFolder;
  readonly client: GatewayClient;
  readonly limits: PushLimits;
  /** Told what became of each entry that was dealt with, before it is removed. */
  readonly onReport: (name: string, report: EntryReport) => void;
  readonly log: Log;
}

/**
 * Sends what waits for a group, in order, until nothing does or a push fails. Several entries go as one request
 * that leaves the same behind; if that is refused, they go one by one. The caller holds the folder's lock. Each entry
 * is read once, or twice if it goes one by one; the event loop is kept for a moment at a time.
 *
 * @returns why the rest still waits, if it does; `unread` is that the group could not be read.
 */
export async function flushGroup(options: FlushOptions): Promise<FlushEnd | undefined> {
  const { folder } = options;
  const flush: Flush = { ...options, queue: openQueue(folder), begun: folder.fold() };
  for (;;) {
    const batch = await nextBatch(flush);
    if (!batch || 'error' in batch) return batch;
    const end = await deliver(flush, batch);
    if (end) return end;
  }
}

/** A flush under way. */
interface Flush extends FlushOptions {
  readonly queue: Queue;
  /** What a process that died had begun to send as one. */
  begun: Fold | undefined;
  /** What the group was told last, by what it held and by what this host remembers; asked for once. */
  last?: LastTold;
  /** A request of several was refused. */
  oneByOne?: boolean;
}

/** What goes next, `undefined` if nothing waits, or why nothing can be sent now. */
async function nextBatch(flush: Flush): Promise<Batch | FlushEnd | undefined> {
  const { folder, queue, begun } = flush;
  const blocked = folder.blocked();
  if (blocked) return { error: blocked, unread: true };
  const first = begun?.entry ?? queue.first();
  if (!first) return undefined;
  if (!flush.last && (begun || !queue.isOnly(folder.isHeld))) {
    const held = await readHeld(flush.client, first.key, flush.limits);
    if (held instanceof PushError) return { error: held, unread: true };
    flush.last = newestTold(lastToldBy(held), folder.memory.last());
  }
  if (begun) return { ...begun, entry: ifLate(flush, begun.entry), folded: true };
  const batch = await takeBatch(flush);
  if (batch) return batch;
  // All of them were dropped.
  return flush.limits.deadline.signal.aborted ? { error: outOfTime(), unread: false } : nextBatch(flush);
}

function outOfTime(): PushError {
  return new PushTimedOut('PUSH_TIMED_OUT', 'no time was left to send what waits', { retryable: true });
}

function ifLate({ last }: Flush, entry: RunEntry): RunEntry {
  return last ? lateEntry(entry, last) : entry;
}

/** Sends a batch and takes it away; resolves with why the rest must wait, if it must. */
async function deliver(flush: Flush, batch: Batch): Promise<FlushEnd | undefined> {
  const { folder } = flush;
  flush.begun = undefined;
  if (saysNothing(batch.entry)) {
    drop(flush, batch.members);
    if (batch.folded) folder.removeFold();
    return undefined;
  }
  // Counts are not told without their base, so that a fold of these is kept with it.
  if (batch.folded && !needsBase(batch.entry)) folder.writeFold(batch);
  const report = await sendBatch(flush, batch);
  if (batch.folded && isRefused(report)) {
    // Nothing of it was stored, so that its members can be told one by one.
    folder.removeFold();
    flush.queue.restart();
    flush.oneByOne = true;
    return undefined;
  }
  // Of a whole outcome some family is always taken, unless the gateway takes none: then nobody's fault is in the entry.
  if (report.status === 'failed' && (tellsStart(batch.entry) || !isRefusedBody(report.error))) {
    return { error: report.error, unread: report.unread ?? false };
  }
  settle(flush, batch, report);
  return undefined;
}

function isRefused(report: SendReport): boolean {
  return report.status === 'failed' && (report.refused !== undefined || isRefusedBody(report.error));
}

/**
 * What goes next: as many entries from the first on as make one, or the first alone. Making one of them takes at most
 * half of the time that is left, so that it can be sent as well. Those that have nothing left to tell are dropped.
 */
async function takeBatch(flush: Flush): Promise<Batch | undefined> {
  const { queue } = flush;
  const isOver = halfOf(flush.limits);
  const giveWay = createGiveWay();
  const batch = startBatch(flush);
  for (let next = queue.next(); next; next = queue.next()) {
    if (!batch.add(next)) break;
    queue.take();
    await giveWay();
    if (isOver()) break;
  }
  drop(flush, batch.late);
  return batch.made();
}

/** Tells when half of the time is gone, or all of it since the run was stopped. */
function halfOf({ deadline, signal }: PushLimits): () => boolean {
  const endsAtMs = deadline.remainingMs() / 2;
  return () => deadline.remainingMs() <= endsAtMs || (signal?.aborted ?? false);
}

/** A batch that is being made; `add` is false for an entry that does not go with it. */
function startBatch(flush: Flush) {
  const members: string[] = [];
  const late: string[] = [];
  let fold: EntryFold | undefined;
  let length = 0;
  return {
    late,
    add({ name, entry: given }: SpooledEntry): boolean {
      // A run that has just ended is never late.
      const { folder } = flush;
      const entry = folder.isHeld(name) ? besideOthers(given, folder.memory.last()) : ifLate(flush, given);
      if (saysNothing(entry)) {
        late.push(name);
        return true;
      }
      length += entry.own.length;
      if (fold && (flush.oneByOne || length > FOLD_LENGTH || !fold.add(entry))) return false;
      fold ??= startFold(entry);
      members.push(name);
      return true;
    },
    made: (): Batch | undefined => fold && { members, entry: fold.entry(), folded: members.length > 1 },
  };
}

/** An entry that is not late, but that may have overlapped a run that was told first. */
function besideOthers(entry: RunEntry, last: LastTold): RunEntry {
  const own = lastToldIn(entry)[LAST_SUCCESS];
  if (own === undefined || own >= (last[LAST_SUCCESS] ?? 0)) return entry;
  const outcome = withToldSuccess(parseFamilies(entry.outcome), last, Date.now());
  return { ...entry, outcome: writeFamilies(outcome) };
}

/** Takes entries away that have nothing left to tell. */
function drop({ folder, onReport, last = {}, log }: Flush, names: readonly string[]): void {
  if (names.length === 0) return;
  for (const name of names) onReport(name, { status: 'late' });
  folder.remove(names);
  const dropped = `dropped ${names.length === 1 ? 'an entry' : `${names.length} entries`} of the spool`;
  if (isStartInFuture(last, Date.now())) {
    log.warn(`${dropped}: the last start that the group has heard of lies in the future`, {
      event: 'late_dropped',
      hint: 'a clock was wrong; the next run of the job sets it right',
    });
  } else log.info(`${dropped}: the group has heard of a later run`, { event: 'late_dropped' });
}

async function sendBatch(
  { folder, client, limits }: Flush,
  { members, entry, folded }: Batch,
): Promise<SendReport> {
  return sendEntry(client, entry, limits, {
    fallback: !folded,
    async onBase(based) {
      if (folded) folder.writeFold({ members, entry: based });
      else folder.update(members[0] ?? missing(), based);
    },
  });
}

/** Tells what became of the entries, remembers what was pushed, and takes them away. */
function settle({ folder, onReport }: Flush, { members, entry, folded }: Batch, report: SendReport): void {
  for (const name of members) onReport(name, report);
  if (report.status !== 'failed') folder.memory.remember(entry);
  if (report.status === 'delivered') folder.remove(members);
  else folder.reject(members[0] ?? missing(), report.error.message);
  if (folded) folder.removeFold();
}

/**
 * What the group holds, or why the gateway cannot tell now. One that never will, such as a proxy that passes pushes
 * only, is taken to hold nothing: else what waits would wait for ever.
 */
async function readHeld(
  client: GatewayClient,
  key: GroupingKey,
  limits: PushLimits,
): Promise<readonly MetricFamily[] | PushError> {
  try {
    return await client.readGroup(key, limits);
  } catch (error) {
    if (!(error instanceof PushError)) throw error;
    return mayBeReadLater(error) ? error : [];
  }
}

function missing(): never {
  throw new Error('an entry of the spool is gone while its lock is held');
}
