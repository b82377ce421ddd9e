import type { ClientRequest, IncomingMessage, RequestOptions } from 'node:http';
import { isIP } from 'node:net';
import { monotonicMs } from '../../clock.js';
import { createRedaction } from '../../redact.js';
import { basicAuthorization, type HttpAccess, proxyAuthorization, secretsOf } from './access.js';
import type { Lookup } from './dns/lookup.js';
import type { GatewayAddress } from './gateway-address.js';
import {
  connectionError,
  type HttpResponse,
  PushRejected,
  PushTimedOut,
  READING_TOO_LARGE,
} from './push-error.js';
import type { TunnelTarget } from './tunnel.js';

export interface HttpRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** Sent as it is, below the address' path prefix. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string | string[]>>;
  readonly body?: Uint8Array;
}

export interface RequestLimits {
  /** For the whole exchange, from the connection to the last byte needed. */
  readonly timeoutMs: number;
  /** Aborts the exchange. */
  readonly signal: AbortSignal;
}

/** The Pushgateway's answers to a push: 200 is stored and checked, 202 is queued. */
export function isSuccess(status: number): boolean {
  return status === 200 || status === 202;
}

/** A name server that is silent for longer is as good as dead. */
const NAME_SERVER_SILENCE_MS = 2000;
/** No error text needs more. */
const LONGEST_ERROR_BODY = 64 * 1024;
/** What a gateway holds is read up to here: 5,000 groups of 30 series are 16 MiB (Pushgateway 1.11.3). */
const LONGEST_READING = 64 * 2 ** 20;

/** Sends requests over one connection at a time, which is kept while it is warm. */
export interface Connection {
  /**
   * One request. Resolves with the answer: that of a stored push (200, 202) as soon as its head is read, any
   * other with its text; that of a refusal as far as it comes, for the status is known. A kept connection that the
   * server has closed meanwhile is replaced at once.
   *
   * @throws PushUnreachable, PushUntrusted, or PushTimedOut when the limits end it.
   */
  send(request: HttpRequest, limits: RequestLimits): Promise<HttpResponse>;
  close(): void;
}

/** `node:http` rather than `fetch`, which costs a short process about 60 ms and 35 MB to load. */
export async function openConnection(address: GatewayAddress, access: HttpAccess): Promise<Connection> {
  const { Agent, request } =
    address.protocol === 'https:' ? await import('node:https') : await import('node:http');
  const agent = new Agent({ keepAlive: true });
  const tunnels = new Set<ClientRequest>();
  const proxy = proxyOf(access);
  const names = await openLookup(proxy?.host ?? address.hostname);
  if (access.proxyUrl !== undefined && address.protocol === 'https:')
    await tunnelBy(agent, tunnels, access.proxyUrl, { ...address, tls: access.tls, ...names });
  const base: RequestOptions & { autoSelectFamilyAttemptTimeout: number } = {
    agent,
    host: address.hostname,
    port: address.port,
    ...names,
    ...access.tls,
    // Node's 250 ms for each of a host's addresses would fail a slow but healthy one.
    autoSelectFamilyAttemptTimeout: 1000,
    // Plain http is asked of the proxy, by its whole address.
    ...(address.protocol === 'http:' ? proxy : undefined),
  };
  const inUse = { ...access, ...authorizationOf(address, access) };
  const prefix = access.proxyUrl && address.protocol === 'http:' ? `http://${address.host}` : '';
  return {
    async send(wanted, { timeoutMs, signal }) {
      const endsAt = monotonicMs() + timeoutMs;
      const headers = { ...accessHeaders(address, inUse), ...wanted.headers };
      const whole = { ...wanted, headers, path: prefix + address.pathPrefix + wanted.path };
      const open = (options: RequestOptions) => request({ ...base, ...options });
      for (;;) {
        const answer = await exchange(address, open, whole, {
          timeoutMs: Math.max(0, endsAt - monotonicMs()),
          signal,
        });
        if (answer === 'stale') continue;
        return isSuccess(answer.status) ? answer : withoutSecrets(answer, secretsOf(inUse));
      }
    },
    close() {
      names?.close();
      for (const asked of tunnels) asked.destroy();
      // An idle connection holds no process, and a process that ends closes it cheaper than Node does.
      if (Object.keys(agent.sockets).length > 0) agent.destroy();
      else setTimeout(() => agent.destroy()).unref();
    },
  };
}

/** Makes all of an agent's connections through a proxy's tunnel. */
async function tunnelBy(
  agent: object,
  tunnels: Set<ClientRequest>,
  proxyUrl: string,
  target: TunnelTarget,
): Promise<void> {
  const { openTunnel } = await import('./tunnel.js');
  Object.assign(agent, {
    createConnection(_options: unknown, done: Parameters<typeof openTunnel>[2]): void {
      const asked = openTunnel(proxyUrl, target, done);
      tunnels.add(asked);
      asked.once('close', () => tunnels.delete(asked));
    },
  });
}

function proxyOf({ proxyUrl }: HttpAccess): { host: string; port: number } | undefined {
  if (proxyUrl === undefined) return undefined;
  const proxy = new URL(proxyUrl);
  return { host: proxy.hostname.replace(/^\[(.*)\]$/, '$1'), port: Number(proxy.port) || 80 };
}

/** The Authorization header that is sent. */
function authorizationOf(
  { credentials }: GatewayAddress,
  { authorization }: HttpAccess,
): Pick<HttpAccess, 'authorization'> {
  if (authorization !== undefined) return { authorization };
  return credentials ? { authorization: basicAuthorization(credentials) } : {};
}

/** A refusal as it may be shown and kept: a server that shows requests says their secrets back. */
function withoutSecrets({ status, headers, body }: HttpResponse, secrets: readonly string[]): HttpResponse {
  const hide = createRedaction(secrets);
  const shown = Object.entries(headers).map(
    ([name, value]) => [name, typeof value === 'string' ? hide(value) : value?.map(hide)] as const,
  );
  return { status, headers: Object.fromEntries(shown), body: hide(body) };
}

/** An address needs no lookup, and nothing of what that takes to load. */
async function openLookup(host: string): Promise<Lookup | undefined> {
  if (isIP(host) !== 0) return undefined;
  const { createLookup } = await import('./dns/lookup.js');
  return createLookup({ silenceMs: NAME_SERVER_SILENCE_MS });
}

function accessHeaders(address: GatewayAddress, access: HttpAccess): Record<string, string | string[]> {
  const { authorization } = access;
  const headers: Record<string, string | string[]> = { Host: address.host };
  if (authorization !== undefined) headers.Authorization = authorization;
  for (const [name, values] of access.headers) headers[name] = [...values];
  const toProxy =
    access.proxyUrl && address.protocol === 'http:' ? proxyAuthorization(access.proxyUrl) : undefined;
  if (toProxy !== undefined) headers['Proxy-Authorization'] = toProxy;
  return headers;
}

/** One request on one connection; `stale` if that was a kept one that broke before a byte of the answer. */
function exchange(
  address: GatewayAddress,
  open: (options: RequestOptions) => ClientRequest,
  { method, path, headers, body }: HttpRequest,
  { timeoutMs, signal }: RequestLimits,
): Promise<HttpResponse | 'stale'> {
  return new Promise((resolve, reject) => {
    const request = open({
      method,
      path,
      headers: {
        ...headers,
        ...(body ? { 'Content-Length': String(body.length) } : {}),
      },
    });
    /** Settles once, by the first cause; what comes after it changes nothing. */
    const settle = (result: HttpResponse | Error | 'stale'): void => {
      if (result instanceof Error) reject(result);
      else resolve(result);
      clearTimeout(timer);
      signal.removeEventListener('abort', onTimeUp);
      // A connection with something unsent or unread on it is of no use to the next request.
      if (result instanceof Error || !request.writableFinished) request.destroy();
    };
    /** What breaks in a callback is a failure of this exchange: elsewhere it would look like a crash of the job. */
    const guarded =
      <A extends unknown[]>(body: (...given: A) => void) =>
      (...given: A): void => {
        try {
          body(...given);
        } catch (error) {
          reject(error);
        }
      };
    let refusal: (() => HttpResponse) | undefined;
    const onTimeUp = guarded(() => settle(refusal?.() ?? timedOut(address)));
    const timer = setTimeout(onTimeUp, timeoutMs);
    signal.addEventListener('abort', onTimeUp, { once: true });

    let readBefore = 0;
    request.on('socket', (socket) => {
      readBefore = socket.bytesRead;
    });
    request.on(
      'error',
      guarded((error: Error) => {
        const stale = request.reusedSocket && request.socket?.bytesRead === readBefore;
        settle(refusal?.() ?? (stale ? 'stale' : connectionError(address.display, error)));
      }),
    );
    request.on(
      'response',
      guarded((response: IncomingMessage) => {
        const { statusCode: status = 0, headers } = response;
        const succeeded = isSuccess(status);
        const read = readText(response, succeeded ? LONGEST_READING : LONGEST_ERROR_BODY);
        const answer = () => ({ status, headers, body: read.text() });
        if (succeeded && method !== 'GET') {
          settle(answer());
          return;
        }
        // A refusal is one, whatever becomes of its text; a reading is of use only as a whole.
        if (!succeeded) refusal = answer;
        read.done
          .then((end) => {
            if (end === 'whole' || !succeeded) settle(answer());
            else if (end === 'cut short') settle(connectionError(address.display, cutShort()));
            else settle(tooLarge(address));
          })
          .catch(reject);
      }),
    );
    if (signal.aborted) onTimeUp();
    else request.end(body);
  });
}

function timedOut(address: GatewayAddress): PushTimedOut {
  return new PushTimedOut('PUSH_TIMED_OUT', `${address.display} did not answer in time`, { retryable: true });
}

function tooLarge(address: GatewayAddress): PushRejected {
  const limit = `${LONGEST_READING / 2 ** 20} MiB`;
  return new PushRejected(READING_TOO_LARGE, `${address.display} answered with more than ${limit}`, {
    retryable: false,
    hint: 'delete groups that nobody needs any more, or share the jobs among gateways',
  });
}

function cutShort(): Error {
  return Object.assign(new Error('the answer was cut short'), { code: 'ECONNRESET' });
}

/** Whether a text came whole, broke off, or is longer than what is read of it. */
type TextEnd = 'whole' | 'cut short' | 'too long';

/** The text of an answer as far as it has come, and a promise for when no more of it will come or is read. */
function readText(
  response: IncomingMessage,
  limit: number,
): { text(): string; readonly done: Promise<TextEnd> } {
  const chunks: Buffer[] = [];
  let length = 0;
  const done = new Promise<TextEnd>((resolve) => {
    response.on('data', (chunk: Buffer) => {
      if (length > limit) return;
      chunks.push(chunk);
      length += chunk.length;
      if (length > limit) {
        resolve('too long');
        response.destroy();
      }
    });
    response.on('error', () => resolve('cut short'));
    response.on('close', () => resolve(response.complete ? 'whole' : 'cut short'));
  });
  return { done, text: () => Buffer.concat(chunks).toString('utf8') };
}
