import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';

/** How the way to a gateway behaves for the next requests. */
export type Weather =
  | 'up'
  | 'down'
  | 'answering 500'
  | 'stalling'
  | 'cutting before storing'
  | 'cutting after storing'
  | 'storing without an answer';

/** A proxy that passes connections on, or spoils them; a fault lasts for so many requests, then it is up again. */
export interface FaultProxy {
  readonly address: string;
  /** `passed`: how many requests pass before the first that is spoiled. */
  set(weather: Weather, requests: number, passed?: number): void;
  /** Whether readings of what the gateway holds are answered with an error, while pushes pass. Default: 503. */
  refuseReadings(refuse: boolean, status?: number): void;
  /** Where it passes connections to, or nowhere. */
  target(url: string | undefined): void;
  /** Whether the next request reaches a gateway: one that does gets all the time it takes on a busy machine. */
  reaches(): boolean;
  close(): Promise<void>;
}

export async function startFaultProxy(): Promise<FaultProxy> {
  const sockets = new Set<Socket>();
  let weather: Weather = 'up';
  let remaining = 0;
  let passing = 0;
  let noReadings: number | undefined;
  let target: { hostname: string; port: number } | undefined;

  const server = createServer((client) => {
    sockets.add(client);
    client.on('error', () => {});
    client.on('close', () => sockets.delete(client));
    let buffered = Buffer.alloc(0);
    client.on('data', (chunk) => {
      buffered = Buffer.concat([buffered, chunk]);
      const end = requestEnd(buffered);
      if (end === undefined) return;
      const request = buffered.subarray(0, end);
      buffered = buffered.subarray(end);
      answer(client, request);
    });
  });

  const answer = (client: Socket, request: Buffer): void => {
    if (noReadings && request.toString('latin1').startsWith('GET ')) {
      client.end(`HTTP/1.1 ${noReadings} X\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`);
      return;
    }
    const now: Weather = passing-- > 0 || remaining-- <= 0 ? 'up' : weather;
    if (now === 'stalling') return;
    if (now === 'answering 500') {
      client.end('HTTP/1.1 500 X\r\nContent-Length: 0\r\nConnection: close\r\n\r\n');
      return;
    }
    if (now === 'down' || now === 'cutting before storing' || !target) {
      client.destroy();
      return;
    }
    const upstream = connect(target.port, target.hostname, () => {
      const closing = request
        .toString('latin1')
        .replace(/\r\n/, '\r\nConnection: close\r\n')
        .replace(/Connection: keep-alive\r\n/i, '');
      upstream.write(Buffer.from(closing, 'latin1'));
    });
    sockets.add(upstream);
    upstream.on('error', () => client.destroy());
    upstream.on('close', () => sockets.delete(upstream));
    if (now === 'storing without an answer') upstream.on('data', () => {});
    else if (now === 'cutting after storing') upstream.on('data', () => {}).on('end', () => client.destroy());
    else upstream.pipe(client);
  };

  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  return {
    address: `127.0.0.1:${port}`,
    set(next, requests, passed = 0) {
      weather = next;
      remaining = requests;
      passing = passed;
    },
    refuseReadings(refuse, status = 503) {
      noReadings = refuse ? status : undefined;
    },
    target(url) {
      target =
        url === undefined ? undefined : { hostname: new URL(url).hostname, port: Number(new URL(url).port) };
    },
    reaches: () => target !== undefined && !(passing <= 0 && remaining > 0 && weather !== 'up'),
    async close() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

function requestEnd(buffered: Buffer): number | undefined {
  const head = buffered.indexOf('\r\n\r\n');
  if (head < 0) return undefined;
  const length = Number(
    /content-length: (\d+)/i.exec(buffered.subarray(0, head).toString('latin1'))?.[1] ?? 0,
  );
  return buffered.length >= head + 4 + length ? head + 4 + length : undefined;
}
