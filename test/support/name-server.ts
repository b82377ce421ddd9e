import { createSocket } from 'node:dgram';
import { once } from 'node:events';

/** What a name server does to each query. */
export type NameServerBehaviour = 'silent' | 'answering' | 'no such name' | 'failing';

/** A name server on loopback that does what its behaviour says. */
export interface NameServer {
  /** As `address:port`. */
  readonly address: string;
  /** The names that were asked for, with the type of record: 1 is A, 28 is AAAA. */
  readonly queries: readonly string[];
  close(): void;
}

export interface NameServerOptions {
  readonly host?: string;
  readonly port?: number;
  /** The only names that one that is `answering` knows. */
  readonly names?: readonly string[];
}

/** `answering` knows every name: as 127.0.0.1, and with no IPv6 address. */
export async function startNameServer(
  behaviour: NameServerBehaviour,
  { host = '127.0.0.1', port = 0, names }: NameServerOptions = {},
): Promise<NameServer> {
  const socket = createSocket('udp4');
  const queries: string[] = [];
  socket.on('message', (query, from) => {
    const { name, type, end } = readQuestion(query);
    queries.push(`${name} ${type}`);
    if (behaviour === 'silent') return;
    const isKnown = behaviour === 'answering' && (names?.includes(name) ?? true);
    const hasAddress = isKnown && type === 1;
    const head = Buffer.from(query.subarray(0, 12));
    head.writeUInt16BE(FLAGS[behaviour === 'answering' && !isKnown ? 'no such name' : behaviour], 2);
    head.writeUInt16BE(hasAddress ? 1 : 0, 6);
    head.writeUInt32BE(0, 8);
    const record = Buffer.from([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 127, 0, 0, 1]);
    const parts = [head, query.subarray(12, end), ...(hasAddress ? [record] : [])];
    socket.send(Buffer.concat(parts), from.port, from.address);
  });
  socket.bind(port, host);
  await once(socket, 'listening');
  return { address: `${host}:${socket.address().port}`, queries, close: () => socket.close() };
}

/** Response, recursion available, and the code: NOERROR, NXDOMAIN, SERVFAIL (RFC 1035, section 4.1.1). */
const FLAGS = { answering: 0x8180, 'no such name': 0x8183, failing: 0x8182 } as const;

function readQuestion(query: Buffer): { name: string; type: number; end: number } {
  const labels: string[] = [];
  let at = 12;
  for (let length = query[at] ?? 0; length > 0; length = query[at] ?? 0) {
    labels.push(query.subarray(at + 1, at + 1 + length).toString());
    at += 1 + length;
  }
  return { name: labels.join('.'), type: query.readUInt16BE(at + 1), end: at + 5 };
}
