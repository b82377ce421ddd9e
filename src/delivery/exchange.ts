import type { ClientRequest, IncomingMessage, RequestOptions } from 'node:http';
import type { GatewayAddress } from './gateway-address.js';
import { createLookup } from './lookup.js';
import { connectionError, PushTimedOut, PushUnreachable, type Refusal } from './push-error.js';

export interface HttpRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** Below the address' path prefix, sent as it is. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Uint8Array;
}

export interface ExchangeLimits {
  /** For the whole exchange, from the connection to the last byte needed. */
  readonly timeoutMs: number;
  /** Aborts the exchange. */
  readonly signal: AbortSignal;
}

/** A name server that is silent for longer is as good as dead. */
const NAME_SERVER_SILENCE_MS = 2000;
/** No error text needs more. */
const LONGEST_ERROR_BODY = 64 * 1024;

/** Sends requests over one connection at a time, which is kept while it is warm. */
export interface Connection {
  /**
   * One request. Resolves with `undefined` when the answer's status is 200 or 202, as soon as its head is
   * read; with the refusal, its text read as far as it comes, for any other status.
   *
   * @throws PushUnreachable, PushUntrusted, or PushTimedOut when the limits end it.
   */
  send(request: HttpRequest, limits: ExchangeLimits): Promise<Refusal | undefined>;
  close(): void;
}

/** `node:http` rather than `fetch`, which costs a short process about 60 ms and 35 MB to load. */
export async function openConnection(address: GatewayAddress): Promise<Connection> {
  const { Agent, request } =
    address.protocol === 'https:' ? await import('./https.js') : await import('./http.js');
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const base: RequestOptions & { autoSelectFamilyAttemptTimeout: number } = {
    agent,
    host: address.hostname,
    port: address.port,
    lookup: createLookup({ silenceMs: NAME_SERVER_SILENCE_MS }),
    // Node's 250 ms for each of a host's addresses would fail a slow but healthy one.
    autoSelectFamilyAttemptTimeout: 1000,
  };
  return {
    send: (wanted, limits) =>
      exchange(address, (options) => request({ ...base, ...options }), wanted, limits),
    close: () => agent.destroy(),
  };
}

function exchange(
  address: GatewayAddress,
  open: (options: RequestOptions) => ClientRequest,
  { method, path, headers, body }: HttpRequest,
  { timeoutMs, signal }: ExchangeLimits,
): Promise<Refusal | undefined> {
  return new Promise((resolve, reject) => {
    const request = open({
      method,
      path: address.pathPrefix + path,
      headers: {
        Host: address.host,
        ...authorization(address),
        ...headers,
        ...(body ? { 'Content-Length': String(body.length) } : {}),
      },
    });
    const timedOut = (): PushTimedOut =>
      new PushTimedOut('PUSH_TIMED_OUT', `${address.display} did not answer in time`, { retryable: true });
    const onAbort = (): void => {
      request.destroy(timedOut());
    };
    const timer = setTimeout(onAbort, timeoutMs);
    const done = (settle: () => void): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', onAbort);
      settle();
    };
    signal.addEventListener('abort', onAbort, { once: true });
    if (signal.aborted) onAbort();

    request.on('error', (error) => {
      done(() => reject(error instanceof PushTimedOut ? error : connectionError(address.display, error)));
    });
    let answered = false;
    request.on('response', (response) => {
      answered = true;
      const status = response.statusCode ?? 0;
      if (status === 200 || status === 202) {
        response.on('error', () => {});
        response.resume();
        done(() => resolve(undefined));
        return;
      }
      readText(response).then((text) => {
        if (text.length >= LONGEST_ERROR_BODY) request.destroy();
        done(() => resolve({ status, headers: response.headers, body: text }));
      });
    });
    request.on('close', () => {
      if (answered) return;
      done(() =>
        reject(
          new PushUnreachable(
            'PUSH_UNREACHABLE',
            `${address.display} closed the connection without an answer`,
            {
              retryable: true,
            },
          ),
        ),
      );
    });
    request.end(body);
  });
}

/** The text of an answer, as far as it comes: the status is known, so a broken rest changes nothing. */
function readText(response: IncomingMessage): Promise<string> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let length = 0;
    const finish = (): void => resolve(Buffer.concat(chunks).toString('utf8'));
    response.on('data', (chunk: Buffer) => {
      if (length >= LONGEST_ERROR_BODY) return;
      chunks.push(chunk);
      length += chunk.length;
      if (length >= LONGEST_ERROR_BODY) finish();
    });
    response.on('error', finish);
    response.on('close', finish);
  });
}

function authorization({ credentials }: GatewayAddress): Record<string, string> {
  if (!credentials) return {};
  const pair = `${credentials.username}:${credentials.password}`;
  return { Authorization: `Basic ${Buffer.from(pair, 'utf8').toString('base64')}` };
}
