import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createLookup } from '../../../../src/delivery/http/lookup.js';

let nameServer: Socket;
let queries: number;
beforeEach(async () => {
  queries = 0;
  nameServer = createSocket('udp4');
  nameServer.bind(0, '127.0.0.1');
  await once(nameServer, 'listening');
});
afterEach(() => nameServer.close());

const lookup = (hostname: string, silenceMs: number) =>
  new Promise<string>((resolve) => {
    const servers = [`127.0.0.1:${nameServer.address().port}`];
    createLookup({ servers, silenceMs }).lookup(hostname, {}, (error, address) => {
      resolve(error ? `${error.code}: ${error.message}` : String(address));
    });
  });

test('a silent name server is given up, and the lookup that cannot be cancelled never begins', async () => {
  nameServer.on('message', () => queries++);
  const start = performance.now();
  expect(await lookup('gateway.invalid', 200)).toBe('EAI_AGAIN: no name server answered for gateway.invalid');
  expect(queries).toBeGreaterThan(0);
  expect(performance.now() - start).toBeLessThan(3000);
});

test('a name server that answers "no such name" leaves the rest to the system', async () => {
  nameServer.on('message', (query, { port, address }) => {
    queries++;
    const answer = Buffer.from(query);
    answer.writeUInt16BE(0x8183, 2);
    nameServer.send(answer, port, address);
  });
  expect(await lookup('gateway.invalid', 2000)).toMatch(/^(ENOTFOUND|EAI_AGAIN): getaddrinfo/);
  expect(queries).toBe(1);
});

test('what is known without a name server asks none', async () => {
  nameServer.on('message', () => queries++);
  expect(await lookup('localhost', 200)).toMatch(/^(127\.0\.0\.1|::1)$/);
  expect(queries).toBe(0);
});
