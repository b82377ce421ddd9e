import type { MetricFamily } from '../../exposition/family.js';
import type { GatewayClient, PushLimits } from '../client/gateway-client.js';
import { createGiveWay } from '../give-way.js';
import type { GroupingKey } from '../grouping-key.js';
import { mayBeReadLater, PushError } from '../http/push-error.js';
import { startFold } from '../push/fold-entries.js';
import { isRefusedBody } from '../push/rejection.js';
import { lateEntry, needsBase, type RunEntry } from '../push/run-entry.js';
import { sendEntry } from '../push/send-entry.js';
import type { SendReport } from '../target.js';
import type { Fold, GroupFolder } from './group-folder.js';
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

/**
 * Sends what waits for a group, in order, until nothing does or a push fails. Several entries go as one request
 * that leaves the same behind; if that is refused, they go one by one. The caller holds the folder's lock. Each entry
 * is read once, or twice if it goes one by one; the event loop is kept for a moment at a time.
 *
 * @param onReport is told what became of each entry that was dealt with, before it is removed.
 * @param fresh the entry of a run that has just ended: if it is the only one, it cannot be late.
 * @returns why the rest still waits, if it does; `unread` is that the group could not be read.
 */
export async function flushGroup(
  folder: GroupFolder,
  client: GatewayClient,
  limits: PushLimits,
  onReport: (name: string, report: SendReport) => void,
  fresh?: string,
): Promise<FlushEnd | undefined> {
  const flush: Flush = { folder, client, limits, onReport, queue: openQueue(folder), begun: folder.fold() };
  for (;;) {
    const batch = await nextBatch(flush, fresh);
    if (!batch || 'error' in batch) return batch;
    const end = await deliver(flush, batch);
    if (end) return end;
  }
}

/** A flush under way. */
interface Flush {
  readonly folder: GroupFolder;
  readonly client: GatewayClient;
  readonly limits: PushLimits;
  readonly onReport: (name: string, report: SendReport) => void;
  readonly queue: Queue;
  /** What a process that died had begun to send as one. */
  begun: Fold | undefined;
  /** What the group held when it was read, which is once. */
  held?: readonly MetricFamily[];
  /** A request of several was refused. */
  oneByOne?: boolean;
}

/** What goes next, `undefined` if nothing waits, or why nothing can be sent now. */
async function nextBatch(flush: Flush, fresh: string | undefined): Promise<Batch | FlushEnd | undefined> {
  const { folder, queue, begun } = flush;
  const blocked = folder.blocked();
  if (blocked) return { error: blocked, unread: true };
  const first = begun?.entry ?? queue.first();
  if (!first) return undefined;
  if (!flush.held && (begun || !queue.isOnly(fresh))) {
    const held = await readHeld(flush.client, first.key, flush.limits);
    if (held instanceof PushError) return { error: held, unread: true };
    flush.held = held;
  }
  return begun ? { ...begun, entry: ifLate(flush, begun.entry), folded: true } : takeBatch(flush);
}

function ifLate({ held }: Flush, entry: RunEntry): RunEntry {
  return held ? lateEntry(entry, held) : entry;
}

/** Sends a batch and takes it away; resolves with why the rest must wait, if it must. */
async function deliver(flush: Flush, batch: Batch): Promise<FlushEnd | undefined> {
  const { folder } = flush;
  flush.begun = undefined;
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
  if (report.status === 'failed' && !isRefusedBody(report.error)) {
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
 * half of the time that is left, so that it can be sent as well.
 */
async function takeBatch(flush: Flush): Promise<Batch> {
  const { queue } = flush;
  const { deadline, signal } = flush.limits;
  const { name, entry } = queue.next() ?? missing();
  const members = [name];
  const fold = startFold(ifLate(flush, entry));
  let length = entry.own.length;
  queue.take();
  const endsAtMs = deadline.remainingMs() / 2;
  const giveWay = createGiveWay();
  while (!flush.oneByOne && deadline.remainingMs() > endsAtMs && !signal?.aborted) {
    await giveWay();
    const next = queue.next();
    length += next?.entry.own.length ?? 0;
    if (!next || length > FOLD_LENGTH || !fold.add(ifLate(flush, next.entry))) break;
    members.push(next.name);
    queue.take();
  }
  return { members, entry: fold.entry(), folded: members.length > 1 };
}

async function sendBatch(
  { folder, client, limits }: Flush,
  { members, entry, folded }: Batch,
): Promise<SendReport> {
  if (entry.outcome === '' && entry.own === '') return { status: 'delivered' };
  return sendEntry(client, entry, limits, {
    fallback: !folded,
    async onBase(based) {
      if (folded) folder.writeFold({ members, entry: based });
      else folder.update(members[0] ?? missing(), based);
    },
  });
}

/** Tells what became of the entries, and takes them away. */
function settle({ folder, onReport }: Flush, { members, folded }: Batch, report: SendReport): void {
  for (const name of members) onReport(name, report);
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
