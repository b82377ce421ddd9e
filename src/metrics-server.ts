import { once } from 'node:events';
import { createServer } from 'node:http';
import { TEXT_FORMAT } from './exposition/write.js';

export interface Answer {
  readonly status: number;
  readonly body: string;
}

export interface Listener {
  readonly url: string;
  close(): Promise<void>;
}

/** What a small server answers to GET, by path; each body is made when it is asked for. */
export type Routes = Readonly<Record<string, () => Answer | Promise<Answer>>>;

/**
 * Serves a few pages, such as `/metrics` and `/healthz`.
 *
 * @throws the system's error, where it cannot listen there.
 */
export async function listen(
  { host, port }: { readonly host: string; readonly port: number },
  routes: Routes,
): Promise<Listener> {
  const server = createServer(async ({ method, url = '' }, response) => {
    const path = url.split('?')[0] ?? '';
    const route = Object.hasOwn(routes, path) ? routes[path] : undefined;
    const answer =
      route === undefined
        ? { status: 404, body: `expected one of ${Object.keys(routes).join(', ')}\n` }
        : method === 'GET' || method === 'HEAD'
          ? await respond(route)
          : { status: 405, body: 'expected GET\n' };
    const type = path === '/metrics' ? TEXT_FORMAT : 'text/plain; charset=utf-8';
    response.writeHead(answer.status, { 'Content-Type': type }).end(method === 'HEAD' ? '' : answer.body);
  });
  server.requestTimeout = 10_000;
  server.listen(port, host);
  await once(server, 'listening');
  const { port: bound } = server.address() as { port: number };
  return {
    url: `http://${host.includes(':') ? `[${host}]` : host}:${bound}`,
    async close() {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
}

async function respond(route: Routes[string]): Promise<Answer> {
  try {
    return await route();
  } catch (error) {
    return { status: 500, body: `${error instanceof Error ? error.message : String(error)}\n` };
  }
}
