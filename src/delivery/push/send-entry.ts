import { AccumulateConflict } from '../../exposition/accumulate.js';
import { TextFormatError } from '../../exposition/line-reader.js';
import type { GatewayClient, PushLimits, PushRequest } from '../client/gateway-client.js';
import { groupPath } from '../grouping-key.js';
import { PushError, PushRejected } from '../http/push-error.js';
import type { DeliveryReport } from '../target.js';
import { describeRejection } from './rejection.js';
import { entryText, needsBase, type RunEntry, withBase } from './run-entry.js';

/** What became of a run's end push. */
export type SendReport = Exclude<DeliveryReport, { readonly status: 'none' }>;

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
  let text: string;
  try {
    const entry = needsBase(given) ? withBase(given, await client.readGroup(given.key, limits)) : given;
    if (entry !== given) await onBase?.(entry);
    text = entryText(entry);
  } catch (error) {
    if (error instanceof AccumulateConflict) return sendAlone(conflictError(error));
    if (error instanceof TextFormatError) return sendAlone(unreadableError(error));
    if (!(error instanceof PushError)) throw error;
    return error.retryable ? { status: 'failed', error } : sendAlone(error);
  }
  const error = await attempt(
    client,
    { method: given.put ? 'PUT' : 'POST', path, body: text, compress: true },
    limits,
  );
  if (!error) return { status: 'delivered' };
  if (given.own === '' || !isRefusedBody(error)) return { status: 'failed', error };
  return sendAlone(describeRejection(error, text));

  /** The outcome must get through, so it goes uncompressed: any gateway and any proxy can read that. */
  async function sendAlone(refused: PushError): Promise<SendReport> {
    if (!fallback) return { status: 'failed', error: refused, refused };
    const failure = await attempt(
      client,
      { method: 'POST', path, body: given.outcomeAlone, compress: false },
      limits,
    );
    return failure
      ? { status: 'failed', error: failure, refused }
      : { status: 'outcome_only', error: refused };
  }
}

async function attempt(
  client: GatewayClient,
  request: PushRequest,
  limits: PushLimits,
): Promise<PushError | undefined> {
  try {
    await client.push(request, limits);
    return undefined;
  } catch (error) {
    if (error instanceof PushError) return error;
    throw error;
  }
}

function unreadableError(problem: TextFormatError): PushError {
  return new PushRejected('OWN_METRICS_REFUSED', `the job's own metrics cannot be read: ${problem.message}`, {
    retryable: false,
    hint: 'they must be in the text format 0.0.4, which has no exemplars',
  });
}

function conflictError(conflict: AccumulateConflict): PushError {
  return new PushRejected(
    'ACCUMULATE_CONFLICT',
    `the job's own metrics were not pushed: ${conflict.message}`,
    {
      retryable: false,
      hint: 'rename the metric, or delete the group once so that it begins anew',
    },
  );
}

/**
 * Whether an answer may be about what was pushed, as 400 and 413 are, and 415 of a proxy that knows no gzip: the
 * outcome alone may then still be taken. It cannot where the answer is about who pushes, or where to.
 */
export function isRefusedBody({ status = 0, retryable }: PushError): boolean {
  return status >= 400 && status < 500 && !retryable && ![401, 403, 404, 405, 407].includes(status);
}
