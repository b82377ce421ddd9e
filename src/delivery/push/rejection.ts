import type { AccumulateConflict } from '../../exposition/accumulate.js';
import type { TextFormatError } from '../../exposition/line-reader.js';
import type { GatewayClient, PushLimits, PushRequest } from '../client/gateway-client.js';
import { groupPath } from '../grouping-key.js';
import { PushError, PushRejected } from '../http/push-error.js';
import type { SendReport } from '../target.js';
import type { RunEntry } from './run-entry.js';

/**
 * Whether an answer may be about what was pushed, as 400 and 413 are, and 415 of a proxy that knows no gzip: the
 * outcome alone may then still be taken. It cannot where the answer is about who pushes, or where to.
 */
export function isRefusedBody({ status = 0, retryable }: PushError): boolean {
  return status >= 400 && status < 500 && !retryable && ![401, 403, 404, 405, 407].includes(status);
}

/**
 * What a refusal of the job's own metrics leads to: the outcome goes without them. It must get through, so it goes
 * uncompressed: any gateway and any proxy can read that.
 */
export async function sendOutcomeAlone(
  client: GatewayClient,
  { key, outcomeAlone }: RunEntry,
  limits: PushLimits,
  refused: PushError,
): Promise<SendReport> {
  const alone: PushRequest = { method: 'POST', path: groupPath(key), body: outcomeAlone, compress: false };
  const error = await tryPush(client, alone, limits);
  return error ? { status: 'failed', error, refused } : { status: 'outcome_only', error: refused };
}

/** Pushes; resolves with why that failed, if it did. */
export async function tryPush(
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

/**
 * The refusal of a body with what it is about: the family that the gateway's message names, or the line of the
 * body that they count. The forms are those of Pushgateway 1.5.1 (`collected metric "x"`,
 * `parsing error in line 3`).
 */
export function describeRejection(error: PushError, body: string): PushError {
  const subject = rejectedSubject(error.serverMessage ?? '', body);
  if (!subject) return error;
  return new PushRejected(error.code, `${error.message}; that is ${subject}`, {
    retryable: false,
    ...(error.status === undefined ? {} : { status: error.status }),
    ...(error.serverMessage === undefined ? {} : { serverMessage: error.serverMessage }),
    hint: 'one metric name has one type, in all groups of a gateway',
  });
}

function rejectedSubject(serverMessage: string, body: string): string | undefined {
  const family = /(?:collected metric|metric name|summary named) "([^"]+)"/.exec(serverMessage)?.[1];
  if (family) return `metric "${family}"`;
  const number = /in line (\d+)/.exec(serverMessage)?.[1];
  const line = number && body.split('\n')[Number(number) - 1];
  return line ? `line ${number} of the pushed text: ${line.slice(0, 200)}` : undefined;
}

export function unreadableError(problem: TextFormatError): PushError {
  return new PushRejected('OWN_METRICS_REFUSED', `the job's own metrics cannot be read: ${problem.message}`, {
    retryable: false,
    hint: 'they must be in the text format 0.0.4, which has no exemplars',
  });
}

export function conflictError(conflict: AccumulateConflict): PushError {
  return new PushRejected(
    'ACCUMULATE_CONFLICT',
    `the job's own metrics were not pushed: ${conflict.message}`,
    {
      retryable: false,
      hint: 'rename the metric, or delete the group once so that it begins anew',
    },
  );
}
