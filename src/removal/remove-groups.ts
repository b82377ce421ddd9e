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
 * How many groups go on one reading: a reading costs the gateway as much as it holds, and a deletion next to nothing.
 * They go at once, one after the other, within a few milliseconds.
 */
const BATCH = 20;
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
  for (let at = 0; at < chosen.length; at += BATCH) {
    const before: PushCount | undefined = counts ? await readCount(options.requests) : undefined;
    if (counts && !before) options.onNoCount();
    counts = before !== undefined;
    const { removals, error } = await removeBatch(chosen.slice(at, at + BATCH), before, options);
    yield* removals;
    if (error) throw error;
  }
}

async function removeBatch(
  chosen: readonly GatewayGroup[],
  before: PushCount | undefined,
  options: RemoveOptions,
): Promise<{ readonly removals: readonly Removal[]; readonly error?: PushError | undefined }> {
  const { requests } = options;
  const reading = await requests.readGroups();
  const { going, removals } = chooseAgain(chosen, reading, options);
  const sent: GatewayGroup[] = [];
  let error = await catchPushError(async () => {
    for (const group of going) {
      // Its answer may be lost, and the deletion not.
      sent.push(group);
      await requests.deleteGroup(group.labels);
    }
  });
  if (sent.length === 0) return { removals };
  let judged = sent.map((group): Removal => ({ group, result: 'unknown' }));
  error ??= await catchPushError(async () => {
    const afterwards = await readSettled(sent, options);
    const after = before && (await readCount(requests));
    const times = [reading, afterwards].map(({ groups }) => pushTimesOf(groups));
    const unseen = before && after ? unseenPushes(before, times, after) : 0;
    judged = sent.map((group) => judge(group, afterwards, unseen > 0));
  });
  return { removals: [...removals, ...judged], error };
}

/** Which groups go by what was read right before, and what becomes of the others. */
function chooseAgain(
  chosen: readonly GatewayGroup[],
  { groups, nowSeconds }: GroupsReading,
  { whyKeep }: RemoveOptions,
): { readonly going: readonly GatewayGroup[]; readonly removals: readonly Removal[] } {
  const held = byId(groups);
  const going: GatewayGroup[] = [];
  const removals: Removal[] = [];
  for (const before of chosen) {
    const group = held.get(groupId(before.labels));
    const why = group && whyKeep(group, nowSeconds);
    if (!group) removals.push({ group: before, result: 'gone' });
    else if (why !== undefined) removals.push({ group, result: 'kept', why });
    else going.push(group);
  }
  return { going, removals };
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

function judge(group: GatewayGroup, { groups }: GroupsReading, unseen: boolean): Removal {
  const now = byId(groups).get(groupId(group.labels));
  if (now) return { group, result: isSame(group, now) ? 'still_there' : 'pushed_meanwhile' };
  return { group, result: unseen ? 'removed_perhaps_pushed' : 'removed' };
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
