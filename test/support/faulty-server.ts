import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { gunzipSync } from 'node:zlib';

/** A server that does to each connection what its name says. */
export interface FaultyServer {
  readonly address: string;
  /** The requests that arrived whole, first lines and bodies as text. */
  readonly requests: readonly string[];
  close(): Promise<void>;
}

type Behaviour = (socket: Socket, requestNumber: number, request: string) => void;

async function start(behaviour: Behaviour): Promise<FaultyServer> {
  const sockets = new Set<Socket>();
  const requests: string[] = [];
  const server: Server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => sockets.delete(socket));
    let buffered = Buffer.alloc(0);
    socket.on('data', (chunk) => {
      buffered = Buffer.concat([buffered, chunk]);
      for (let end = wholeRequest(buffered); end !== undefined; end = wholeRequest(buffered)) {
        const request = readable(buffered.subarray(0, end));
        requests.push(request);
        buffered = buffered.subarray(end);
        behaviour(socket, requests.length, request);
      }
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  return {
    address: `127.0.0.1:${port}`,
    requests,
    async close() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

/** Head and body as text, the body unpacked where it was gzip. */
function readable(request: Buffer): string {
  const bodyAt = request.indexOf('\r\n\r\n') + 4;
  const head = request.subarray(0, bodyAt).toString('utf8');
  const body = request.subarray(bodyAt);
  return head + (/content-encoding: gzip/i.test(head) ? gunzipSync(body) : body).toString('utf8');
}

function wholeRequest(buffered: Buffer): number | undefined {
  const head = buffered.indexOf('\r\n\r\n');
  if (head < 0) return undefined;
  const length = Number(/content-length: (\d+)/i.exec(buffered.subarray(0, head).toString())?.[1] ?? 0);
  const end = head + 4 + length;
  return buffered.length >= end ? end : undefined;
}

export interface Answer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

function write(socket: Socket, { status, headers = {}, body = '' }: Answer): void {
  const lines = Object.entries({ ...headers, 'Content-Length': String(Buffer.byteLength(body)) });
  socket.write(
    `HTTP/1.1 ${status} X\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n${body}`,
  );
}

/** Answers the n-th request with the n-th answer, and all later ones with the last. */
export function answering(...answers: readonly [Answer, ...Answer[]]): Promise<FaultyServer> {
  return start((socket, number) =>
    write(socket, answers[number - 1] ?? answers[answers.length - 1] ?? answers[0]),
  );
}

/** Answers each request by what it says. */
export const judging = (judge: (request: string) => Answer): Promise<FaultyServer> =>
  start((socket, _number, request) => write(socket, judge(request)));

export const rejecting = (status: number, body = ''): Promise<FaultyServer> => answering({ status, body });

/** Answers each request with the request's own head, as text and as the place of a redirect, and asks to wait long. */
export const echoing = (
  status: number,
  form: (head: string) => string = (head) => head,
): Promise<FaultyServer> =>
  start((socket, _number, request) => {
    const head = request.slice(0, request.indexOf('\r\n\r\n'));
    const headers = { Location: `/?${head.replace(/[\r\n]+/g, '&')}`, 'Retry-After': '60' };
    write(socket, { status, headers, body: form(head) });
  });

export const redirecting = (status: number, location: string): Promise<FaultyServer> =>
  answering({ status, headers: { Location: location } });

/** Answers 200 with half of the body that it announces, and keeps the connection open. */
export const halfBody = (): Promise<FaultyServer> =>
  start((socket) => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nok'));

/** Answers with a body that never ends. */
export const endless = (status: number): Promise<FaultyServer> =>
  start((socket) => {
    socket.write(`HTTP/1.1 ${status} X\r\n\r\n`);
    const timer = setInterval(() => socket.write('more '), 20);
    socket.on('close', () => clearInterval(timer));
  });

/** Answers 400 with half of the text that it announces, and keeps the connection open. */
export const halfRefusal = (): Promise<FaultyServer> =>
  start((socket) => socket.write('HTTP/1.1 400 Bad Request\r\nContent-Length: 50\r\n\r\nhalf a reason'));

/** Answers 413 to a large body before it has read it, and reads no further; takes small ones. */
export async function refusingEarly(): Promise<FaultyServer> {
  const sockets = new Set<Socket>();
  const requests: string[] = [];
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.on('data', (chunk) => {
      const text = chunk.toString('latin1');
      const length = Number(/content-length: (\d+)/i.exec(text)?.[1] ?? 0);
      requests.push(text);
      if (length > 100_000) {
        socket.pause();
        socket.write('HTTP/1.1 413 Too Large\r\nContent-Length: 9\r\n\r\ntoo large');
      } else socket.write('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n');
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  return {
    address: `127.0.0.1:${port}`,
    requests,
    async close() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

/** Accepts and reads, and never answers. */
export const stalling = (): Promise<FaultyServer> => start(() => {});

/** Answers one byte a second, from the first byte of the head on. */
export const dripping = (): Promise<FaultyServer> =>
  start((socket) => {
    const bytes = 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n';
    let at = 0;
    const timer = setInterval(() => socket.write(bytes[at++] ?? ''), 1000);
    socket.on('close', () => clearInterval(timer));
  });

/** Answers half a head and resets the connection. */
export const resetting = (): Promise<FaultyServer> =>
  start((socket) => socket.write('HTTP/1.1 200 OK\r\nContent-', () => socket.resetAndDestroy()));

/** Answers the first request of each connection, and resets the connection at the next. */
export function closingKept(): Promise<FaultyServer> {
  const kept = new WeakSet<Socket>();
  return start((socket) => {
    if (kept.has(socket)) socket.resetAndDestroy();
    else write(socket, { status: 200 });
    kept.add(socket);
  });
}

/** An address at which nothing listens: the port was free a moment ago. */
export async function refusing(): Promise<FaultyServer> {
  const server = await stalling();
  await server.close();
  return { ...server, close: async () => {} };
}
