import type { MetricFamily } from '../../exposition/family.js';
import type { GatewayClient, PushLimits } from '../client/gateway-client.js';
import type { GroupingKey } from '../grouping-key.js';
import { mayBeReadLater, PushError } from '../http/push-error.js';
import { isRefusedBody } from '../push/rejection.js';
import { foldEntries, lateEntry, type RunEntry } from '../push/run-entry.js';
import { sendEntry } from '../push/send-entry.js';
import type { SendReport } from '../target.js';
import type { Fold, GroupFolder, SpooledEntry } from './group-folder.js';

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

/** What waits: at least an entry, or several that were being sent as one. */
interface Waiting {
  readonly entries: readonly SpooledEntry[];
  readonly begun: Fold | undefined;
  readonly first: RunEntry;
}

/**
 * Sends what waits for a group, in order, until nothing does or a push fails. Several entries go as one request
 * that leaves the same behind; if that is refused, they go one by one. The caller holds the folder's lock.
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
  const reading: Reading = { held: undefined };
  let oneByOne = false;
  for (;;) {
    const waiting = readWaiting(folder);
    const stuck = await whyStuck(
      folder,
      client,
      limits,
      reading,
      waiting && mayBeLate(waiting, fresh) && waiting,
    );
    if (stuck) return { error: stuck, unread: true };
    if (!waiting) return undefined;
    const batch = takeBatch(folder, waiting, reading.held, oneByOne);
    const report = await sendBatch(folder, client, batch, limits);
    if (batch.folded && isRefused(report)) {
      // Nothing of it was stored, so that its members can be told one by one.
      folder.removeFold();
      oneByOne = true;
    } else if (report.status === 'failed' && !isRefusedBody(report.error))
      return { error: report.error, unread: report.unread ?? false };
    else settle(folder, batch, report, onReport);
  }
}

/** What the group held when it was read, which is once. */
interface Reading {
  held: readonly MetricFamily[] | undefined;
}

/** Why nothing can be sent now; reads what the group holds, if an entry may be late. */
async function whyStuck(
  folder: GroupFolder,
  client: GatewayClient,
  limits: PushLimits,
  reading: Reading,
  late: Waiting | false | undefined,
): Promise<PushError | undefined> {
  const blocked = folder.blocked();
  if (blocked || !late || reading.held) return blocked;
  const held = await readHeld(client, late.first.key, limits);
  if (held instanceof PushError) return held;
  reading.held = held;
  return undefined;
}

function isRefused(report: SendReport): boolean {
  return report.status === 'failed' && (report.refused !== undefined || isRefusedBody(report.error));
}

function readWaiting(folder: GroupFolder): Waiting | undefined {
  const entries = folder.list();
  const begun = folder.fold();
  const first = begun?.entry ?? entries[0]?.entry;
  return first && { entries, begun, first };
}

/** Whether the group may have heard of a later run than one of these. */
function mayBeLate({ entries, begun }: Waiting, fresh: string | undefined): boolean {
  return begun !== undefined || entries.length > 1 || entries[0]?.name !== fresh;
}

/** What goes next: what was begun, as many entries as make one, or the first. */
function takeBatch(
  folder: GroupFolder,
  { entries, begun }: Waiting,
  held: readonly MetricFamily[] | undefined,
  oneByOne: boolean,
): Batch {
  const ifLate = (entry: RunEntry): RunEntry => (held ? lateEntry(entry, held) : entry);
  if (begun) return { ...begun, entry: ifLate(begun.entry), folded: true };
  const current = entries.map(({ name, entry }) => ({ name, entry: ifLate(entry) }));
  const made = oneByOne ? undefined : foldAll(current);
  if (made) {
    folder.writeFold(made);
    return { ...made, folded: true };
  }
  const { name, entry } = current[0] ?? missing();
  return { members: [name], entry, folded: false };
}

async function sendBatch(
  folder: GroupFolder,
  client: GatewayClient,
  { members, entry, folded }: Batch,
  limits: PushLimits,
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
function settle(
  folder: GroupFolder,
  { members, folded }: Batch,
  report: SendReport,
  onReport: (name: string, report: SendReport) => void,
): void {
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

/** As many entries from the first on as make one, or `undefined` if that is but the first. */
function foldAll(entries: readonly SpooledEntry[]): Fold | undefined {
  const [first, ...rest] = entries;
  if (!first) return undefined;
  const members = [first.name];
  let entry = first.entry;
  for (const next of rest) {
    const folded = foldEntries(entry, next.entry);
    if (!folded) break;
    entry = folded;
    members.push(next.name);
  }
  return members.length > 1 ? { members, entry } : undefined;
}

function missing(): never {
  throw new Error('an entry of the spool is gone while its lock is held');
}
