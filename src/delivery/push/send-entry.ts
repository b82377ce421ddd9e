import { setImmediate as nextTurn } from 'node:timers/promises';
import { AccumulateConflict } from '../../exposition/accumulate.js';
import { TextFormatError } from '../../exposition/line-reader.js';
import type { GatewayClient, PushLimits } from '../client/gateway-client.js';
import { groupPath } from '../grouping-key.js';
import { mayBeReadLater, PushError } from '../http/push-error.js';
import type { SendReport } from '../target.js';
import {
  conflictError,
  describeRejection,
  isRefusedBody,
  sendOutcomeAlone,
  tryPush,
  unreadableError,
} from './rejection.js';
import { entryText, needsBase, type RunEntry, withBase } from './run-entry.js';

export interface SendOptions {
  /** Where the job's own metrics are refused, the outcome goes alone at once. Default: true. */
  readonly fallback?: boolean;
  /**
   * Told of the entry with its base before that is first sent; a sender that must not count twice keeps it, and
   * sends it again as it is.
   */
  readonly onBase?: (entry: RunEntry) => Promise<void>;
}

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
  let text: string;
  try {
    text = entryText(await fixBase(client, given, limits, onBase));
  } catch (error) {
    if (error instanceof AccumulateConflict) return onRefused(conflictError(error));
    if (error instanceof TextFormatError) return onRefused(unreadableError(error));
    if (!(error instanceof PushError)) throw error;
    return mayBeReadLater(error) ? { status: 'failed', error, unread: true } : onRefused(error);
  }
  const error = await tryPush(
    client,
    { method: given.put ? 'PUT' : 'POST', path, body: text, compress: true },
    limits,
  );
  if (!error) return { status: 'delivered' };
  if (given.own === '' || !isRefusedBody(error)) return { status: 'failed', error };
  return onRefused(describeRejection(error, text));
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
