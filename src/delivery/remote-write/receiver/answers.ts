import { type HttpResponse, type PushError, PushRejected, refusalError } from '../../http/push-error.js';

/** The codes of what a receiver finds wrong with the time of a sample. */
export const SAMPLE_TOO_OLD = 'SAMPLE_TOO_OLD';
/** Not yet: its time is near. */
export const SAMPLE_IN_FUTURE = 'SAMPLE_IN_FUTURE';
/** Never: it would have to wait too long. */
export const SAMPLE_FAR_AHEAD = 'SAMPLE_FAR_AHEAD';

/**
 * What Prometheus, Mimir, Cortex and Thanos say of a sample that is older than what they hold of its series, or than what
 * they take: `out of order sample`, `out of bounds`, `too old sample`, `duplicate sample for timestamp`, and Mimir's
 * `err-mimir-sample-out-of-order`. Thanos answers 409 with it.
 */
const TIME =
  /out[ _-]of[ _-](?:order|bounds?)|too[ _-]old|duplicate[ _-](?:sample|timestamp)|too[ _-]far[ _-]in[ _-]the[ _-]future/i;
/** Which of these cannot mean a sample that is ahead. */
const PAST = /out[ _-]of[ _-]order|too[ _-]old|duplicate/i;
/** The statuses of an answer that is about what was sent (Remote write 1.0, and Thanos' 409). */
const FINAL = [400, 409, 413, 422];

/** A receiver takes samples that are a little ahead of its clock: ten minutes (Prometheus 3). */
const AHEAD_MS = 5 * 60_000;
/** A clock that is further ahead is not waited for. */
const LONGEST_WAIT_MS = 60 * 60_000;

/**
 * What an answer says that is none of a stored request; `undefined` for 2xx. Receivers differ in what a refused request
 * leaves stored, so nothing is taken from a refusal but what it says.
 *
 * @param newestMs the newest time of a sample that was sent.
 */
export function answerError(
  receiver: string,
  answer: HttpResponse,
  { newestMs, nowMs }: { readonly newestMs: number; readonly nowMs: number },
): PushError | undefined {
  const { status, body, headers } = answer;
  if (status >= 200 && status < 300) return undefined;
  const general = refusalError(receiver, answer, nowMs);
  if (isAboutTime(status, body))
    return timeError(receiver, general, newestMs, serverTime(headers.date) ?? nowMs);
  const hint = hintOf(general);
  return new (general.constructor as typeof PushError)(general.code, messageOf(receiver, general), {
    retryable: general.retryable,
    status,
    ...(general.serverMessage === undefined ? {} : { serverMessage: general.serverMessage }),
    retryAfterMs: general.retryAfterMs,
    ...(hint === undefined ? {} : { hint }),
  });
}

/** Whether a refusal is about what was sent, so that it is final, and not about who sends or where to. */
export function isRefusal({ status = 0, retryable, code }: PushError): boolean {
  if (code === SAMPLE_TOO_OLD || code === SAMPLE_FAR_AHEAD) return true;
  return FINAL.includes(status) && !retryable && code !== SAMPLE_IN_FUTURE;
}

/** A server that breaks may say `index out of bounds`: only what it says of a sample is about time. */
function isAboutTime(status: number, body: string): boolean {
  if (status >= 500) return TIME.test(body) && /sample/i.test(body);
  return status === 409 || ((status === 400 || status === 422) && TIME.test(body));
}

function timeError(receiver: string, refusal: PushError, newestMs: number, theirNowMs: number): PushError {
  const { status = 0, serverMessage = '' } = refusal;
  const said = serverMessage ? `: ${serverMessage}` : '';
  const details = { status, retryable: false, serverMessage };
  const aheadMs = newestMs - theirNowMs;
  if (aheadMs > AHEAD_MS && !PAST.test(serverMessage)) {
    const soon = aheadMs < LONGEST_WAIT_MS;
    return new PushRejected(
      soon ? SAMPLE_IN_FUTURE : SAMPLE_FAR_AHEAD,
      `${receiver} takes no samples from the future, and these are ${Math.round(aheadMs / 60_000)}m ahead of its clock (${status})${said}`,
      {
        ...details,
        hint: soon
          ? "set this host's clock right; what waits is sent when its time has come"
          : "set this host's clock right, or the receiver's",
      },
    );
  }
  return new PushRejected(SAMPLE_TOO_OLD, `${receiver} refused samples as too old (${status})${said}`, {
    ...details,
    hint: 'storage.tsdb.out_of_order_time_window in the configuration of Prometheus says how late samples may come',
  });
}

function serverTime(date: string | string[] | undefined): number | undefined {
  const time = typeof date === 'string' ? Date.parse(date) : Number.NaN;
  return Number.isNaN(time) ? undefined : time;
}

function messageOf(receiver: string, { status, serverMessage, message }: PushError): string {
  if (status === 404)
    return `${receiver} takes no remote write (404)${serverMessage ? `: ${serverMessage}` : ''}`;
  return message;
}

function hintOf({ status = 0, hint }: PushError): string | undefined {
  if (status >= 300 && status < 400)
    return 'give the address that the redirect names: a request is not followed, since a redirect can drop its body';
  if (status === 404 || status === 405) {
    return 'give the whole URL, as http://prometheus:9090/api/v1/write; a Prometheus needs --web.enable-remote-write-receiver';
  }
  if (status === 401 || status === 403 || status === 407)
    return 'give user and password in the URL of PROMBATCH_REMOTE_WRITE, or with --remote-write-file';
  return hint;
}
