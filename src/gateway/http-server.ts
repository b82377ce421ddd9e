import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createGunzip } from 'node:zlib';
import { steadyTimeMs } from '../clock.js';
import { TextFormatError } from '../exposition/line-reader.js';
import { parseFamilies } from '../exposition/parse.js';
import { TEXT_FORMAT } from '../exposition/write.js';
import { FamilyError } from './metric.js';
import { findForeignPage } from './page/guard.js';
import { asksForData, PAGE_HEADERS, renderPage } from './page/page.js';
import { type PageOptions, writePageData } from './page/page-data.js';
import { createPushRecord, type PushEvent, type PushRecord } from './push-record.js';
import { renderApiMetrics, renderApiStatus, renderMetrics, toGatewayGroup } from './render.js';
import { type Route, route } from './route.js';
import { PushRefused, type Store } from './store.js';

export interface GatewayServerOptions {
  readonly store: Store;
  /** The host that the server will listen on. */
  readonly host: string;
  readonly limits: GatewayLimits;
  /** Told of each push and deletion once it is done. */
  readonly onPush?: ((event: PushEvent) => void) | undefined;
}

export interface GatewayLimits {
  /** The longest body of a push, unpacked. */
  readonly bodyBytes: number;
  /** How long a request's head may take. */
  readonly headMs: number;
  /** How long a request may take, and how long a connection may be silent. */
  readonly requestMs: number;
}

interface Answer {
  readonly status: number;
  readonly type?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** The Pushgateway's HTTP API over a store. */
export function createGatewayServer(options: GatewayServerOptions): Server {
  const { limits } = options;
  const startedAt = new Date();
  const record = createPushRecord(options.onPush);
  const server = createServer({ connectionsCheckingInterval: 500 }, (request, response) => {
    answer(request, options, startedAt, record)
      .catch((error: unknown) => plain(500, String(error)))
      .then((given) => send(request, response, given));
  });
  server.headersTimeout = limits.headMs;
  server.requestTimeout = limits.requestMs;
  // A client that neither sends nor reads is let go, or what waits to be read would pile up.
  server.timeout = limits.requestMs;
  return server;
}

async function answer(
  request: IncomingMessage,
  { store, host, limits }: GatewayServerOptions,
  startedAt: Date,
  record: PushRecord,
): Promise<Answer> {
  const foreign = findForeignPage({ host: request.headers.host, origin: request.headers.origin }, host);
  if (foreign) return plain(403, `refused, to keep web pages out: ${foreign}`);
  const wanted = route(request.method ?? 'GET', request.url ?? '/');
  switch (wanted.to) {
    case 'push':
      return push(request, wanted, store, limits.bodyBytes, record);
    case 'delete':
      store.delete(wanted.labels);
      record.add({ method: 'DELETE', labels: wanted.labels, status: 202 });
      return { status: 202 };
    case 'page':
      return asksForData(request.headers.accept)
        ? pageData(store, record)
        : { status: 200, type: 'text/html; charset=utf-8', headers: PAGE_HEADERS, body: renderPage(PAGE) };
    case 'metrics':
      return { status: 200, type: TEXT_FORMAT, body: renderMetrics(store.groups()) };
    case 'api-metrics':
      return json(renderApiMetrics(store.groups()));
    case 'api-status':
      return json(renderApiStatus(startedAt, { 'persistence.file': '', 'web.listen-address': host }));
    case 'healthy':
    case 'ready':
      return { status: 200, type: 'text/plain; charset=utf-8', body: 'OK' };
    case 'nothing':
      return { status: 200 };
    case 'redirect':
      return { status: wanted.status, headers: { Location: wanted.location } };
    case 'refusal':
      return plain(wanted.status, wanted.message);
  }
}

const PAGE: PageOptions = {
  title: 'prombatch gateway',
  readOnly: false,
  footer: 'An embedded Pushgateway for development and tests: it keeps everything in memory.',
};

function pageData(store: Store, record: PushRecord): Answer {
  const groups = store.groups().map(toGatewayGroup);
  const body = writePageData({ nowSeconds: nowMs() / 1000, groups, refusals: record.refusals() });
  return { status: 200, type: 'application/json', headers: { 'Cache-Control': 'no-store' }, body };
}

async function push(
  request: IncomingMessage,
  { labels, replace }: Extract<Route, { to: 'push' }>,
  store: Store,
  bodyBytes: number,
  record: PushRecord,
): Promise<Answer> {
  const method = replace ? 'PUT' : 'POST';
  const refuse = (status: number, message: string): Answer => {
    record.add({ method, labels, status, message, atSeconds: nowMs() / 1000 });
    return plain(status, message);
  };
  if (/protobuf/i.test(request.headers['content-type'] ?? '')) {
    return refuse(400, 'this gateway takes the text format only, no protobuf');
  }
  try {
    const families = parseFamilies(await readBody(request, bodyBytes));
    store.push({ labels, replace, families }, nowMs());
    record.add({ method, labels, status: 200, families: families.length });
    return { status: 200 };
  } catch (error) {
    if (error instanceof TextFormatError) return refuse(400, `text format parsing error in ${error.message}`);
    if (error instanceof FamilyError) return refuse(400, `text format parsing error: ${error.message}`);
    if (error instanceof PushRefused) return refuse(error.status, error.message);
    throw error;
  }
}

/** Finer than a millisecond: a success and a failure within one would count as the same moment. */
function nowMs(): number {
  return steadyTimeMs();
}

async function readBody(request: IncomingMessage, bodyBytes: number): Promise<string> {
  const packed = request.headers['content-encoding'] === 'gzip';
  const source = packed ? request.pipe(createGunzip()) : request;
  const chunks: Buffer[] = [];
  let length = 0;
  try {
    for await (const chunk of source) {
      length += (chunk as Buffer).length;
      if (length > bodyBytes) throw new PushRefused(413, `the pushed text is longer than ${bodyBytes} bytes`);
      chunks.push(chunk as Buffer);
    }
  } catch (error) {
    if (packed && !(error instanceof PushRefused))
      throw new PushRefused(400, `the body is not valid gzip: ${String(error)}`);
    throw error;
  }
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(Buffer.concat(chunks));
  } catch {
    throw new PushRefused(400, 'text format parsing error: the pushed text is not valid UTF-8');
  }
}

function send(
  request: IncomingMessage,
  response: ServerResponse,
  { status, type, headers, body = '' }: Answer,
): void {
  // An answer before the whole request was read leaves the rest in the way of the next one.
  const close = request.complete ? {} : { Connection: 'close' };
  response.writeHead(status, {
    ...(type === undefined ? {} : { 'Content-Type': type }),
    'X-Content-Type-Options': 'nosniff',
    'Content-Length': String(Buffer.byteLength(body)),
    ...close,
    ...headers,
  });
  response.end(body);
}

function plain(status: number, message: string): Answer {
  return { status, type: 'text/plain; charset=utf-8', body: `${message}\n` };
}

function json(value: unknown): Answer {
  return { status: 200, type: 'application/json', body: JSON.stringify(value) };
}
