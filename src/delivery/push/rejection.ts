import { type PushError, PushRejected } from '../http/push-error.js';

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
