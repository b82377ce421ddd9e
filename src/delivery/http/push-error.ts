import { PrombatchError } from '../../errors.js';
import { EXIT } from '../../exit-codes.js';
import { hideUserinfo } from '../../redact.js';
import { isRetryableStatus } from './retry-plan.js';

interface PushErrorOptions {
  readonly retryable: boolean;
  readonly status?: number;
  readonly serverMessage?: string;
  readonly retryAfterMs?: number | undefined;
  readonly hint?: string;
  readonly cause?: unknown;
}

/** A push that was not stored (exit code 3, where push failures count). */
export class PushError extends PrombatchError {
  /** Whether another try may succeed. */
  readonly retryable: boolean;
  /** The HTTP status, where there was an answer. */
  readonly status: number | undefined;
  /** What the gateway itself said, if it said anything. */
  readonly serverMessage: string | undefined;
  /** How long the gateway asked to wait, in milliseconds. */
  readonly retryAfterMs: number | undefined;

  constructor(code: string, message: string, options: PushErrorOptions) {
    const { hint, cause } = options;
    super(code, message, { exitCode: EXIT.notDelivered, ...(hint === undefined ? {} : { hint }), cause });
    this.retryable = options.retryable;
    this.status = options.status;
    this.serverMessage = options.serverMessage;
    this.retryAfterMs = options.retryAfterMs;
  }
}

/** The gateway refused what was pushed (400, 413, or another 4xx). */
export class PushRejected extends PushError {}
/** The gateway asked for credentials or refused them (401, 403, 407). */
export class PushUnauthorized extends PushError {}
/** The answer was a redirect; nothing was stored. */
export class PushRedirected extends PushError {}
/** The gateway could not answer now (408, 429, 5xx). */
export class PushUnavailable extends PushError {}
/** No connection, or one that broke. */
export class PushUnreachable extends PushError {}
/** No answer in time. */
export class PushTimedOut extends PushError {}
/** The connection's certificate or protocol is not what was asked for. */
export class PushUntrusted extends PushError {}

/**
 * Whether a group that could not be read may be read another time. One that never can, as behind a proxy that passes
 * pushes only, must not keep anything waiting.
 */
export function mayBeReadLater(error: PushError): boolean {
  return error.retryable || error instanceof PushUnauthorized || error.code === READING_TOO_LARGE;
}

/** The code of a reading that is longer than what is read of one. */
export const READING_TOO_LARGE = 'READING_TOO_LARGE';

const GATEWAY_PASSWORD =
  'check user and password in PUSHGATEWAY_USERNAME and PUSHGATEWAY_PASSWORD, or in --http-config-file';
const PROXY_PASSWORD = 'check proxy_url in --http-config-file: its user and password stand in it';

/** An HTTP answer. */
export interface HttpResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
}

/** What a 4xx means for what was asked, by the request's method. */
const REFUSED: Readonly<Record<string, string>> = {
  GET: 'could not be read',
  DELETE: 'refused the deletion',
};

/**
 * The typed error for an answer: what it means, and whether another try may succeed.
 *
 * @param method of the request; by default it was a push.
 */
export function refusalError(
  gateway: string,
  refusal: HttpResponse,
  now: number,
  method: 'GET' | 'POST' | 'PUT' | 'DELETE' = 'POST',
): PushError {
  const { status } = refusal;
  const serverMessage = readableMessage(refusal.body);
  const said = serverMessage ? `: ${serverMessage}` : '';
  const common = { status, ...(serverMessage ? { serverMessage } : {}) };
  if (status >= 300 && status < 400) return redirectError(gateway, refusal, method, common);
  if (status === 401 || status === 403 || status === 407) {
    const who = status === 407 ? `the proxy of ${gateway}` : gateway;
    return new PushUnauthorized('PUSH_UNAUTHORIZED', `${who} denied access (${status})${said}`, {
      ...common,
      retryable: false,
      hint: status === 407 ? PROXY_PASSWORD : GATEWAY_PASSWORD,
    });
  }
  if (isRetryableStatus(status)) {
    const retryAfterMs = parseRetryAfter(firstHeader(refusal.headers['retry-after']), now);
    return new PushUnavailable('PUSH_UNAVAILABLE', `${gateway} could not answer (${status})${said}`, {
      ...common,
      retryable: true,
      retryAfterMs,
    });
  }
  if (status === 404) {
    return new PushRejected('PUSH_REJECTED', `${gateway} has no such path (404)${said}`, {
      ...common,
      retryable: false,
      hint: 'is this a Pushgateway, and is its path prefix part of the address?',
    });
  }
  return new PushRejected(
    'PUSH_REJECTED',
    `${gateway} ${REFUSED[method] ?? 'refused the push'} (${status})${said}`,
    {
      ...common,
      retryable: false,
      ...(serverMessage?.includes('HTTP request to an HTTPS server')
        ? { hint: 'use https:// in the address' }
        : {}),
    },
  );
}

function redirectError(
  gateway: string,
  { status, headers }: HttpResponse,
  method: string,
  common: Pick<PushErrorOptions, 'status' | 'serverMessage'>,
): PushError {
  const target = firstHeader(headers.location);
  const where = target ? ` to ${hideUserinfo(target.replace(/\p{Cc}/gu, ''))}` : '';
  const lost = method === 'GET' ? '' : '; nothing was stored';
  return new PushRedirected('PUSH_REDIRECTED', `${gateway} answered ${status}, a redirect${where}${lost}`, {
    ...common,
    retryable: false,
    hint: 'name that address with --gateway: a redirect can drop the body of a push, so it is not followed',
  });
}

/** The typed error for a connection that failed. */
export function connectionError(gateway: string, error: Error & { readonly code?: string }): PushError {
  const code = error.code ?? '';
  const message = withoutTrace(error.message);
  const detail = message && !message.includes(code) ? `${message} (${code})` : message || code;
  if (/CERTIFICATE_REQUIRED|BAD_CERTIFICATE|HANDSHAKE_FAILURE/.test(code)) {
    return new PushUntrusted('PUSH_UNTRUSTED', `${gateway} asks for a client certificate: ${detail}`, {
      retryable: false,
      cause: error,
      hint: 'give one with tls_config.cert_file and key_file in --http-config-file',
    });
  }
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') {
    return new PushUntrusted('PUSH_UNTRUSTED', `${gateway} is not trusted: ${detail}`, {
      retryable: false,
      cause: error,
      hint: 'use a name that the certificate is for, or name it with tls_config.server_name in --http-config-file',
    });
  }
  if (code === 'CERT_HAS_EXPIRED' || code === 'CERT_NOT_YET_VALID') {
    return new PushUntrusted('PUSH_UNTRUSTED', `${gateway} is not trusted: ${detail}`, {
      retryable: false,
      cause: error,
      hint: "its certificate must be renewed, if this machine's clock is right",
    });
  }
  if (/CERT|SELF_SIGNED|UNABLE_TO|TLS_/.test(code)) {
    return new PushUntrusted('PUSH_UNTRUSTED', `${gateway} is not trusted: ${detail}`, {
      retryable: false,
      cause: error,
      hint: 'name the authority that signed its certificate with tls_config.ca_file in --http-config-file',
    });
  }
  if (code === 'EPROTO' || code.startsWith('ERR_SSL_')) {
    return new PushUntrusted('PUSH_UNTRUSTED', `${gateway} does not speak TLS: ${detail}`, {
      retryable: false,
      cause: error,
      hint: 'use http:// in the address, if the gateway has no TLS',
    });
  }
  if (code === 'EPROXYREFUSED') {
    return new PushUnreachable('PUSH_UNREACHABLE', `${gateway} cannot be reached: ${error.message}`, {
      retryable: false,
      cause: error,
      hint: PROXY_PASSWORD,
    });
  }
  if (code === 'ECONNREFUSED') {
    return new PushUnreachable('PUSH_UNREACHABLE', `nothing listens at ${gateway} (ECONNREFUSED)`, {
      retryable: true,
      cause: error,
      hint: 'start a Pushgateway ("prombatch gateway" is one for development), or give its address with --gateway or PUSHGATEWAY_URL',
    });
  }
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') {
    return new PushUnreachable('PUSH_UNREACHABLE', `the host of ${gateway} has no address (${code})`, {
      retryable: true,
      cause: error,
      hint: 'check the host name in --gateway or PUSHGATEWAY_URL',
    });
  }
  return new PushUnreachable('PUSH_UNREACHABLE', `the connection to ${gateway} failed: ${detail}`, {
    retryable: true,
    cause: error,
  });
}

/** `Retry-After` in milliseconds from now: seconds or an HTTP date (RFC 9110, section 10.2.3). */
export function parseRetryAfter(value: string | undefined, now: number): number | undefined {
  if (value === undefined) return undefined;
  if (/^\d+$/.test(value.trim())) return Number(value) * 1000;
  const date = /^[A-Z][a-z]{2},/.test(value) ? Date.parse(value) : Number.NaN;
  return Number.isNaN(date) ? undefined : Math.max(0, date - now);
}

/** What OpenSSL says, without the place in its sources: `<thread>:error:<number>:<library>:<function>:<reason>:…`. */
function withoutTrace(message: string): string {
  const [, reason] = /^[0-9A-F]+:error:[0-9A-F]+:[^:]*:[^:]*:([^:]+):/.exec(message) ?? [];
  return (reason ?? message).replace(/\s+/g, ' ').trim();
}

/** An error page or message as one line of bounded length, without control characters. */
function readableMessage(body: string): string {
  // A gateway's own words have angle brackets, too: `label:<name:"job" value:"a" >`.
  const isPage = /<(?:!doctype|html|head|body)\b/i.test(body);
  const line = (isPage ? withoutTags(body) : body).replace(/[\s\p{Cc}]+/gu, ' ').trim();
  return line.length > 600 ? `${line.slice(0, 600)}…` : line;
}

function withoutTags(page: string): string {
  return page
    .replace(/<(?:style|script)[\s\S]*?<\/(?:style|script)>/gi, ' ')
    .replace(/<\/?[a-z!][^>]*>/gi, ' ');
}

function firstHeader(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value[0] : value;
}
