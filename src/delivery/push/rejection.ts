import type { AccumulateConflict } from '../../exposition/accumulate.js';
import type { TextFormatError } from '../../exposition/line-reader.js';
import type { GatewayClient, PushLimits, PushRequest } from '../client/gateway-client.js';
import { PushError, PushRejected } from '../http/push-error.js';

/**
 * Whether an answer may be about what was pushed, as 400 and 413 are, and 415 of a proxy that knows no gzip: the
 * outcome alone may then still be taken. It cannot where the answer is about who pushes, or where to.
 */
export function isRefusedBody({ status = 0, retryable }: PushError): boolean {
  return status >= 400 && status < 500 && !retryable && ![401, 403, 404, 405, 407].includes(status);
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
 * The families that a gateway's refusal names: in the words of Pushgateway 1.5.1 and 1.11.3 `collected metric "x" { … } is
 * not a GAUGE`, `collected metric named "x_count" collides with previously collected histogram named "x"` and
 * `collected histogram or summary named "x" collides with …`, all of them in one message.
 */
export function namedFamilies(serverMessage: string): ReadonlySet<string> {
  const named = serverMessage.matchAll(
    /(?:collected metric|metric name|(?:metric|histogram|summary) named) "([^"]+)"/g,
  );
  return new Set([...named].map(([, name = '']) => name));
}

/**
 * The refusal of a body with what it is about: the family that the gateway's message names, or the line of the
 * body that they count (`parsing error in line 3`).
 *
 * @param leftOut families that are told of otherwise.
 */
export function describeRejection(
  error: PushError,
  body: string,
  leftOut: ReadonlyMap<string, unknown> = new Map(),
): PushError {
  const subject = rejectedSubject(error.serverMessage ?? '', body, leftOut);
  if (!subject) return error;
  return new PushRejected(error.code, `${error.message}; that is ${subject}`, {
    retryable: false,
    ...(error.status === undefined ? {} : { status: error.status }),
    ...(error.serverMessage === undefined ? {} : { serverMessage: error.serverMessage }),
    ...(/ is not a | collides with /.test(error.serverMessage ?? '')
      ? { hint: 'one metric name has one type, in all groups of a gateway' }
      : {}),
  });
}

function rejectedSubject(
  serverMessage: string,
  body: string,
  leftOut: ReadonlyMap<string, unknown>,
): string | undefined {
  const family = [...namedFamilies(serverMessage)].find((name) => !leftOut.has(name));
  if (family !== undefined) return `metric "${family}"`;
  const number = /in line (\d+)/.exec(serverMessage)?.[1];
  const line = number && body.split('\n')[Number(number) - 1];
  return line ? `line ${number} of the pushed text: ${line.slice(0, 200)}` : undefined;
}

/** Two failures of one delivery, as one. */
export function withAlso(first: PushError, second: PushError): PushError {
  const { code, status, serverMessage, hint = second.hint } = first;
  return new PushRejected(code, `${first.message}; ${second.message}`, {
    retryable: first.retryable,
    ...(status === undefined ? {} : { status }),
    ...(serverMessage === undefined ? {} : { serverMessage }),
    ...(hint === undefined ? {} : { hint }),
  });
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
