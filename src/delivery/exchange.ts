import type { ClientRequest, IncomingMessage, RequestOptions } from 'node:http';
import type { GatewayAddress } from './gateway-address.js';
import { createLookup } from './lookup.js';
import { connectionError, PushTimedOut, type Refusal } from './push-error.js';

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
  const agent = new Agent({ keepAlive: true });
  const names = createLookup({ silenceMs: NAME_SERVER_SILENCE_MS });
  const base: RequestOptions & { autoSelectFamilyAttemptTimeout: number } = {
    agent,
    host: address.hostname,
    port: address.port,
    lookup: names.lookup,
    // Node's 250 ms for each of a host's addresses would fail a slow but healthy one.
    autoSelectFamilyAttemptTimeout: 1000,
  };
  return {
    send: (wanted, limits) =>
      exchange(address, (options) => request({ ...base, ...options }), wanted, limits),
    close() {
      names.close();
      agent.destroy();
    },
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
    /** Settles once, by the first cause; what comes after it changes nothing. */
    const settle = (result: Refusal | Error | undefined): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', onTimeUp);
      // A connection with something unsent or unread on it is of no use to the next request.
      if (result instanceof Error || !request.writableFinished) request.destroy();
      if (result instanceof Error) reject(result);
      else resolve(result);
    };
    let refusal: (() => Refusal) | undefined;
    const onTimeUp = (): void => settle(refusal?.() ?? timedOut(address));
    const timer = setTimeout(onTimeUp, timeoutMs);
    signal.addEventListener('abort', onTimeUp, { once: true });

    request.on('error', (error) => settle(refusal?.() ?? connectionError(address.display, error)));
    request.on('response', (response) => {
      const status = response.statusCode ?? 0;
      const read = readText(response);
      if (status === 200 || status === 202) {
        settle(undefined);
        return;
      }
      // The status is known: whatever becomes of the text, it is a refusal.
      refusal = () => ({ status, headers: response.headers, body: read.text() });
      read.done.then(() => settle(refusal?.()));
    });
    if (signal.aborted) onTimeUp();
    else request.end(body);
  });
}

function timedOut(address: GatewayAddress): PushTimedOut {
  return new PushTimedOut('PUSH_TIMED_OUT', `${address.display} did not answer in time`, { retryable: true });
}

/** The text of an answer as far as it has come, and a promise for when no more of it will or needs to. */
function readText(response: IncomingMessage): { text(): string; readonly done: Promise<void> } {
  const chunks: Buffer[] = [];
  let length = 0;
  const done = new Promise<void>((resolve) => {
    response.on('data', (chunk: Buffer) => {
      if (length >= LONGEST_ERROR_BODY) return;
      chunks.push(chunk);
      length += chunk.length;
      if (length >= LONGEST_ERROR_BODY) resolve();
    });
    response.on('error', () => resolve());
    response.on('close', () => resolve());
  });
  return { done, text: () => Buffer.concat(chunks).toString('utf8') };
}

function authorization({ credentials }: GatewayAddress): Record<string, string> {
  if (!credentials) return {};
  const pair = `${credentials.username}:${credentials.password}`;
  return { Authorization: `Basic ${Buffer.from(pair, 'utf8').toString('base64')}` };
}
