import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { isIP } from 'node:net';
import { findForeignPage, isLoopback } from './guard.js';
import { asksForData, PAGE_HEADERS, renderPage } from './page.js';
import { type PageData, type PageOptions, writePageData } from './page-data.js';

export interface ServedPage {
  readonly url: string;
  /** Whether only this machine can reach it. */
  readonly loopback: boolean;
  close(): Promise<void>;
}

interface Answer {
  readonly status: number;
  readonly type: string;
  readonly body: string;
}

/** However many look at the page, the gateway is read at most so often. */
const FRESH_MS = 1000;

/**
 * Serves the page of jobs and nothing else, read only.
 *
 * @param read what is shown; its error is shown instead.
 * @throws the listen error, with its `code`, when the port cannot be had.
 */
export async function servePage(
  { host, port }: { readonly host: string; readonly port: number },
  options: PageOptions,
  read: () => Promise<PageData>,
): Promise<ServedPage> {
  const readShared = sharing(read);
  const server = createServer(async ({ method = '', url = '', headers }, response) => {
    const foreign = findForeignPage({ host: headers.host, origin: headers.origin }, host);
    const { status, type, body } = foreign
      ? plain(403, `refused, to keep web pages out: ${foreign}`)
      : await answer(method, url, asksForData(headers.accept));
    response.writeHead(status, {
      'Content-Type': type,
      'X-Content-Type-Options': 'nosniff',
      ...PAGE_HEADERS,
    });
    response.end(method === 'HEAD' ? '' : body);
  });

  const answer = async (method: string, url: string, data: boolean): Promise<Answer> => {
    if (url.split('?')[0] !== '/') return plain(404, 'expected /');
    if (method !== 'GET' && method !== 'HEAD') return plain(405, 'expected GET: this page is read only');
    if (!data) return { status: 200, type: 'text/html; charset=utf-8', body: renderPage(options) };
    try {
      return { status: 200, type: 'application/json', body: writePageData(await readShared()) };
    } catch (error) {
      return plain(502, error instanceof Error ? error.message : String(error));
    }
  };

  server.headersTimeout = 10_000;
  server.requestTimeout = 10_000;
  server.listen(port, host);
  await once(server, 'listening');
  const { port: actual, address } = server.address() as AddressInfo;
  return {
    url: `http://${isIP(host) === 6 ? `[${host}]` : host}:${actual}`,
    loopback: isLoopback(address),
    async close() {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

/** One reading for all who ask while it lasts, and for a moment after. */
function sharing<T>(read: () => Promise<T>): () => Promise<T> {
  let last: { readonly value: Promise<T>; endedAtMs: number } | undefined;
  return () => {
    if (last && performance.now() - last.endedAtMs < FRESH_MS) return last.value;
    const reading = { value: read(), endedAtMs: Number.POSITIVE_INFINITY };
    const end = (): void => {
      reading.endedAtMs = performance.now();
    };
    reading.value.then(end, end);
    last = reading;
    return reading.value;
  };
}

function plain(status: number, message: string): Answer {
  return { status, type: 'text/plain; charset=utf-8', body: `${message}\n` };
}
