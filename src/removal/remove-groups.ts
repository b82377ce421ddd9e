import { setTimeout as wait } from 'node:timers/promises';
import { monotonicMs } from '../clock.js';
import type { GatewayRequests, GroupsReading } from '../delivery/client/gateway-requests.js';
import { PushError } from '../delivery/http/push-error.js';
import type { GatewayGroup } from '../exposition/api-groups.js';
import { byId, groupId, lastHeardOf } from './group-id.js';
import { type PushCount, pushTimesOf, readPushCount, unseenPushes } from './push-count.js';

/** What became of a group. */
export interface Removal {
  /** As it was read right before its deletion. */
  readonly group: GatewayGroup;
  /** When that was, by the gateway's clock. */
  readonly readAtSeconds: number;
  readonly result:
    | 'removed'
    /** Removed, and a push may have gone with it unseen. */
    | 'removed_perhaps_pushed'
    /** A push came after the reading: what it held before is gone, and the push perhaps as well. */
    | 'pushed_meanwhile'
    /** Something else removed it first. */
    | 'gone'
    /** By the reading right before its deletion it may no longer go. */
    | 'kept'
    /** It is there as before, although the gateway took the deletion. */
    | 'still_there'
    /** The deletion was sent, and the gateway could not be read afterwards. */
    | 'unknown';
  /** Why it was kept. */
  readonly why?: string;
}

export interface RemoveOptions {
  readonly requests: GatewayRequests;
  /** Why a group is to be kept after all, by what is read right before its deletion. */
  readonly whyKeep: (group: GatewayGroup, nowSeconds: number) => string | undefined;
  /** Told once if the gateway does not count its pushes. */
  readonly onNoCount: () => void;
  /** How long a deletion that was answered may take to be carried out. */
  readonly settleMs: number;
}

/**
 * How many groups may go on one reading, and for how long: a reading costs the gateway as much as it holds, and a deletion
 * next to nothing. On a gateway that is slow to read they may take as long as the reading did, so that what is judged is at
 * most twice as old as it must be.
 */
const BATCH = 200;
const LEAST_BATCH_MS = 20;
const POLL_MS = 50;

/**
 * Removes groups. Each is read again right before. The API has no condition on a deletion, so that a push between that
 * reading and the deletion goes with the group; but the gateway counts its pushes, and one that is in the count and not
 * in what the groups hold afterwards is reported.
 *
 * @throws PushError after it has told what became of the groups that it had begun with.
 */
export async function* removeGroups(
  chosen: readonly GatewayGroup[],
  options: RemoveOptions,
): AsyncGenerator<Removal> {
  let counts = true;
  for (let left = chosen; left.length > 0; ) {
    const before: PushCount | undefined = counts ? await readCount(options.requests) : undefined;
    if (counts && !before) options.onNoCount();
    counts = before !== undefined;
    const batch = await removeBatch(left.slice(0, BATCH), before, options);
    yield* batch.removals;
    if (batch.error) throw batch.error;
    left = left.slice(batch.removals.length);
  }
}

/** What became of a batch, from its first group on; what there was no time for is not in it. */
interface BatchResult {
  readonly removals: readonly Removal[];
  readonly error?: PushError | undefined;
}

async function removeBatch(
  chosen: readonly GatewayGroup[],
  before: PushCount | undefined,
  options: RemoveOptions,
): Promise<BatchResult> {
  const { requests } = options;
  const askedAtMs = monotonicMs();
  const reading = await requests.readGroups();
  const readAtMs = monotonicMs();
  const endMs = readAtMs + Math.max(LEAST_BATCH_MS, readAtMs - askedAtMs);
  const held = byId(reading.groups);
  const removals: Removal[] = [];
  let error = await catchPushError(async () => {
    for (const group of chosen) {
      if (removals.length > 0 && monotonicMs() > endMs) return;
      const removal = judgeAgain(group, held, reading, options);
      // Noted before: its answer may be lost, and the deletion not.
      removals.push(removal);
      if (removal.result === 'unknown') await requests.deleteGroup(removal.group.labels);
    }
  });
  const sent = removals.filter(({ result }) => result === 'unknown').map(({ group }) => group);
  if (sent.length === 0) return { removals, error };
  let judged: readonly Removal[] = removals;
  error ??= await catchPushError(async () => {
    const afterwards = await readSettled(sent, options);
    const after = before && (await readCount(requests));
    const times = [reading, afterwards].map(({ groups }) => pushTimesOf(groups));
    const unseen = before && after ? unseenPushes(before, times, after) : 0;
    const now = byId(afterwards.groups);
    judged = removals.map((removal) =>
      removal.result === 'unknown' ? { ...removal, result: judge(removal.group, now, unseen > 0) } : removal,
    );
  });
  return { removals: judged, error };
}

/** What becomes of a group by what was read right before; `unknown` is that it goes. */
function judgeAgain(
  before: GatewayGroup,
  held: ReadonlyMap<string, GatewayGroup>,
  { nowSeconds }: GroupsReading,
  { whyKeep }: RemoveOptions,
): Removal {
  const group = held.get(groupId(before.labels));
  if (!group) return { group: before, readAtSeconds: nowSeconds, result: 'gone' };
  const why = whyKeep(group, nowSeconds);
  const read = { group, readAtSeconds: nowSeconds };
  return why === undefined ? { ...read, result: 'unknown' } : { ...read, result: 'kept', why };
}

/** What the gateway holds once the deletions are carried out, or at the end of the time for that. */
async function readSettled(
  sent: readonly GatewayGroup[],
  { requests, settleMs }: RemoveOptions,
): Promise<GroupsReading> {
  const end = monotonicMs() + settleMs;
  for (;;) {
    const reading = await requests.readGroups();
    const held = byId(reading.groups);
    const waits = sent.some((group) => isSame(group, held.get(groupId(group.labels))));
    if (!waits || monotonicMs() > end) return reading;
    await wait(POLL_MS);
  }
}

function judge(
  group: GatewayGroup,
  held: ReadonlyMap<string, GatewayGroup>,
  unseen: boolean,
): Removal['result'] {
  const now = held.get(groupId(group.labels));
  if (now) return isSame(group, now) ? 'still_there' : 'pushed_meanwhile';
  return unseen ? 'removed_perhaps_pushed' : 'removed';
}

/** Whether no push came to a group between two readings. */
function isSame(before: GatewayGroup, after: GatewayGroup | undefined): boolean {
  return after !== undefined && lastHeardOf(after) === lastHeardOf(before);
}

/** `undefined` if the gateway does not tell. */
async function readCount(requests: GatewayRequests): Promise<PushCount | undefined> {
  const { status, body } = await requests.get('/metrics');
  if (status !== 200) return undefined;
  try {
    return readPushCount(body);
  } catch {
    return undefined;
  }
}

async function catchPushError(body: () => Promise<void>): Promise<PushError | undefined> {
  try {
    await body();
    return undefined;
  } catch (error) {
    if (error instanceof PushError) return error;
    throw error;
  }
}
