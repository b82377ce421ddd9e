import { setImmediate as nextTurn } from 'node:timers/promises';
import { AccumulateConflict } from '../../exposition/accumulate.js';
import { TextFormatError } from '../../exposition/line-reader.js';
import { parseFamilies } from '../../exposition/parse.js';
import type { GatewayClient, PushLimits } from '../client/gateway-client.js';
import { groupPath } from '../grouping-key.js';
import { mayBeReadLater, PushError } from '../http/push-error.js';
import type { SendReport } from '../target.js';
import {
  describeLeftOut,
  type LeftOut,
  type Push,
  pushOutcome,
  pushUnnamed,
} from './conflicting-families.js';
import {
  conflictError,
  describeRejection,
  isRefusedBody,
  tryPush,
  unreadableError,
  withAlso,
} from './rejection.js';
import { needsBase, ownText, type RunEntry, rejectedOutcome, withBase } from './run-entry.js';

export interface SendOptions {
  /** Where the job's own metrics are refused, the outcome goes alone at once. Default: true. */
  readonly fallback?: boolean;
  /**
   * Told of the entry with its base before that is first sent; a sender that must not count twice keeps it, and
   * sends it again as it is.
   */
  readonly onBase?: (entry: RunEntry) => Promise<void>;
}

/** How long a reading may keep the outcome of a run waiting, and that of others behind it. */
export const END_READ_MS = 2000;

/** Pushes an entry, with the base of its counts read first where it has none yet. */
export async function sendEntry(
  client: GatewayClient,
  given: RunEntry,
  limits: PushLimits,
  { fallback = true, onBase }: SendOptions = {},
): Promise<SendReport> {
  const path = groupPath(given.key);
  const onRefused = (refused: PushError): SendReport | Promise<SendReport> =>
    fallback
      ? sendOutcomeAlone(client, given, limits, refused)
      : { status: 'failed', error: refused, refused };
  let own: string;
  try {
    own = ownText(await fixBase(client, given, limits, onBase));
  } catch (error) {
    if (error instanceof AccumulateConflict) return onRefused(conflictError(error));
    if (error instanceof TextFormatError) return onRefused(unreadableError(error));
    if (!(error instanceof PushError)) throw error;
    return mayBeReadLater(error) ? { status: 'failed', error, unread: true } : onRefused(error);
  }
  const method = given.put ? 'PUT' : 'POST';
  const body = given.outcome + own;
  const error = await tryPush(client, { method, path, body, compress: true }, limits);
  if (!error) return { status: 'delivered' };
  if (!isRefusedBody(error) || !fallback) return { status: 'failed', error };
  return sendRefused(client, given, own, limits, error);
}

/**
 * Pushes an entry that is on no disk, so that nobody else can send it. What cannot be read must not keep the outcome: it
 * then goes first, without the counts.
 */
export async function sendUnkept(
  client: GatewayClient,
  entry: RunEntry,
  limits: PushLimits,
): Promise<SendReport> {
  const first = await sendEntry(client, entry, { ...limits, readMs: END_READ_MS });
  if (first.status !== 'failed' || !first.unread) return first;
  const alone = await sendOutcomeAlone(client, entry, limits, first.error);
  if (alone.status === 'failed') return { status: 'failed', error: alone.error };
  const rest = await sendEntry(client, entry, limits);
  return rest.status === 'failed' ? alone : rest;
}

/** What a refusal leads to: families of the outcome that conflict are left out, and the job's own metrics if they do. */
async function sendRefused(
  client: GatewayClient,
  entry: RunEntry,
  own: string,
  limits: PushLimits,
  refusal: PushError,
): Promise<SendReport> {
  const method = entry.put ? 'PUT' : 'POST';
  const outcome = parseFamilies(entry.outcome);
  const push: Push = { key: entry.key, method, outcome, own, compress: true };
  const leftOut: LeftOut = new Map();
  const pushRest = own === '' ? pushOutcome : pushUnnamed;
  const error = await pushRest(client, push, leftOut, limits, refusal);
  if (!error && leftOut.size === 0) return { status: 'delivered' };
  if (!error) return { status: 'incomplete', error: await describeLeftOut(client, push, leftOut, limits) };
  if (own === '' || !isRefusedBody(error)) return { status: 'failed', error };
  const refused = describeRejection(error, entry.outcome + own, leftOut);
  return sendOutcomeAlone(client, entry, limits, refused, leftOut);
}

/**
 * What a refusal of the job's own metrics leads to: the outcome goes without them. It must get through, so it goes
 * uncompressed: any gateway and any proxy can read that.
 *
 * @param leftOut families of the outcome that are known to conflict.
 */
export async function sendOutcomeAlone(
  client: GatewayClient,
  entry: RunEntry,
  limits: PushLimits,
  refused: PushError,
  leftOut: LeftOut = new Map(),
): Promise<SendReport> {
  const outcome = rejectedOutcome(entry);
  const push: Push = { key: entry.key, method: 'POST', outcome, own: '', compress: false };
  const error = await pushOutcome(client, push, leftOut, limits);
  if (error) return { status: 'failed', error, refused };
  if (leftOut.size === 0) return { status: 'outcome_only', error: refused };
  const also = await describeLeftOut(client, push, leftOut, limits);
  return { status: 'outcome_only', error: withAlso(refused, also) };
}

/** The entry with what its counts go on from, which is read if it is not known yet. */
async function fixBase(
  client: GatewayClient,
  given: RunEntry,
  limits: PushLimits,
  onBase: SendOptions['onBase'],
): Promise<RunEntry> {
  if (!needsBase(given)) return given;
  const held = await client.readGroup(given.key, limits);
  // Many counts take long, and the job may be running: the event loop gets a turn between the steps.
  await nextTurn();
  const entry = withBase(given, held);
  await onBase?.(entry);
  await nextTurn();
  return entry;
}
