import type { GatewayGroup } from '../../exposition/api-groups.js';
import type { MetricFamily, MetricType } from '../../exposition/family.js';
import { writeFamilies } from '../../exposition/write.js';
import type { GatewayClient, PushLimits, PushRequest } from '../client/gateway-client.js';
import { withDeadline } from '../deadline.js';
import { formatKey, type GroupingKey, groupPath, sortKey } from '../grouping-key.js';
import { PushError, PushRejected, PushTimedOut } from '../http/push-error.js';
import { isRefusedBody, namedFamilies, tryPush } from './rejection.js';

/** What is pushed to a group: families that can be left out one by one, and the job's own metrics as they are. */
export interface Push {
  readonly key: GroupingKey;
  readonly method: PushRequest['method'];
  readonly outcome: readonly MetricFamily[];
  readonly own: string;
  readonly compress: boolean;
}

/** The families that are left out, each with the refusal that told so. */
export type LeftOut = Map<string, PushError>;

/** A family that a group of the gateway holds. */
interface HeldFamily {
  readonly name: string;
  readonly type: MetricType;
  readonly group: GroupingKey;
}

/** The batch metrics are gauges, all of them. */
const OUTCOME_TYPE = 'gauge';
/** How long it may take to read who holds a family. */
const READ_MS = 2000;

/**
 * Pushes, and pushes again without what a refusal names, until that names none of the families that can be left out,
 * or a metric of the job's own. Each push but the first leaves out one family more at least.
 *
 * @param refusal of the first push, if that was tried already.
 * @returns why the last push failed, if it did.
 */
export async function pushUnnamed(
  client: GatewayClient,
  push: Push,
  leftOut: LeftOut,
  limits: PushLimits,
  refusal?: PushError,
): Promise<PushError | undefined> {
  let error = refusal ?? (await tryPush(client, requestOf(push, leftOut), limits));
  while (error && isRefusedBody(error)) {
    const named = namedFamilies(error.serverMessage ?? '');
    const known = new Set(push.outcome.map(({ name }) => name));
    const conflicting = namesLeft(push, leftOut).filter((name) => named.has(name));
    for (const name of conflicting) leftOut.set(name, error);
    const isOwn = push.own !== '' && [...named].some((name) => !known.has(name));
    const nothingLeft = push.own === '' && namesLeft(push, leftOut).length === 0;
    if (isOwn || conflicting.length === 0 || nothingLeft) return error;
    error = await tryPush(client, requestOf(push, leftOut), limits);
  }
  return error;
}

/**
 * Pushes an outcome without the families that conflict: those that the gateway's message names, else those that the
 * gateway holds as another type, else those that are refused where each goes by itself.
 *
 * @returns why nothing was stored, if nothing was.
 */
export async function pushOutcome(
  client: GatewayClient,
  push: Push,
  leftOut: LeftOut,
  limits: PushLimits,
  refusal?: PushError,
): Promise<PushError | undefined> {
  const unnamed = await pushUnnamed(client, push, leftOut, limits, refusal);
  if (unnamed?.status !== 400 || namesLeft(push, leftOut).length === 0) return unnamed;
  const held = await readConflicts(client, push, namesLeft(push, leftOut), limits);
  if (held && held.length > 0) {
    for (const { name } of held) leftOut.set(name, unnamed);
    const rest = await pushUnnamed(client, push, leftOut, limits);
    if (rest?.status !== 400) return rest;
  }
  return pushOneByOne(client, push, leftOut, limits, unnamed);
}

/** Pushes each family by itself: a POST leaves the others of its group as they are. */
async function pushOneByOne(
  client: GatewayClient,
  push: Push,
  leftOut: LeftOut,
  limits: PushLimits,
  refusal: PushError,
): Promise<PushError | undefined> {
  let stored = false;
  for (const family of push.outcome.filter(({ name }) => !leftOut.has(name))) {
    const one: Push = { ...push, method: 'POST', outcome: [family], own: '' };
    const error = await tryPush(client, requestOf(one, leftOut), limits);
    if (!error) stored = true;
    else if (error.status === 400) leftOut.set(family.name, error);
    // A refusal that is known stands: what was refused must not wait for a gateway that takes all the time there is.
    else return stored || !(error instanceof PushTimedOut) ? error : refusal;
  }
  return stored ? undefined : refusal;
}

/** What was left out, and who holds it, if that can be read. */
export async function describeLeftOut(
  client: GatewayClient,
  push: Push,
  leftOut: LeftOut,
  limits: PushLimits,
): Promise<PushError> {
  const held = (await readConflicts(client, push, [...leftOut.keys()], limits)) ?? [];
  const parts = [...leftOut].map(([name, { message }]) => {
    const [holder, ...more] = held.filter((family) => family.name === name);
    if (!holder) return `${name} was left out: ${message}`;
    const others = more.length > 0 ? ` and ${more.length} more` : '';
    return `${name} was left out: it is a ${holder.type} in ${formatKey(holder.group)}${others}`;
  });
  return new PushRejected('FAMILIES_CONFLICT', parts.join('; '), {
    retryable: false,
    hint: 'one metric name has one type in all groups of a gateway: rename it there, or delete that group',
  });
}

/** The families of these names that other groups hold as another type, or `undefined` if that cannot be read in time. */
async function readConflicts(
  client: GatewayClient,
  { key }: Push,
  names: readonly string[],
  { deadline, signal }: PushLimits,
): Promise<readonly HeldFamily[] | undefined> {
  try {
    const held = await withDeadline(Math.min(READ_MS, deadline.remainingMs()), (own) =>
      client.readGroups({
        deadline: own,
        signal: signal ? AbortSignal.any([signal, deadline.signal]) : deadline.signal,
        once: true,
      }),
    );
    return held
      .flatMap((group) => heldFamilies(group, names))
      .filter(({ type, group }) => type !== OUTCOME_TYPE && !isSameGroup(group, key));
  } catch (error) {
    if (error instanceof PushError) return undefined;
    throw error;
  }
}

function heldFamilies({ labels, families }: GatewayGroup, names: readonly string[]): HeldFamily[] {
  const { job = '', ...grouping } = Object.fromEntries(labels);
  const group: GroupingKey = { job, grouping: Object.entries(grouping) };
  return families.filter(({ name }) => names.includes(name)).map(({ name, type }) => ({ name, type, group }));
}

/** A push replaces what its own group holds. */
function isSameGroup(a: GroupingKey, b: GroupingKey): boolean {
  return formatKey(sortKey(a)) === formatKey(sortKey(b));
}

function namesLeft({ outcome }: Push, leftOut: LeftOut): string[] {
  return outcome.map(({ name }) => name).filter((name) => !leftOut.has(name));
}

function requestOf({ key, method, outcome, own, compress }: Push, leftOut: LeftOut): PushRequest {
  const left = outcome.filter(({ name }) => !leftOut.has(name));
  return { method, path: groupPath(key), body: writeFamilies(left) + own, compress };
}
