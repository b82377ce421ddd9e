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
    const entry = needsBase(given) ? withBase(given, await client.readGroup(given.key, limits)) : given;
    if (entry !== given) await onBase?.(entry);
    text = entryText(entry);
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
