import { afterEach, expect, test } from 'vitest';
import { createLookup, type Lookup } from '../../../../../src/delivery/http/dns/lookup.js';
import {
  type NameServer,
  type NameServerBehaviour,
  startNameServer,
} from '../../../../support/name-server.js';

let servers: NameServer[] = [];
let lookups: Lookup[] = [];
afterEach(() => {
  for (const lookup of lookups) lookup.close();
  for (const server of servers) server.close();
  lookups = [];
  servers = [];
});

/** Looks a name up with name servers that behave so, in this order. */
async function prepare(behaviours: readonly NameServerBehaviour[], silenceMs: number) {
  servers = await Promise.all(behaviours.map((behaviour) => startNameServer(behaviour)));
  const lookup = createLookup({ servers: servers.map(({ address }) => address), silenceMs });
  lookups.push(lookup);
  return (hostname: string) =>
    new Promise<string>((resolve) => {
      lookup.lookup(hostname, {}, (error, address) => {
        resolve(error ? `${error.code}: ${error.message}` : String(address));
      });
    });
}

test('a silent name server is given up', async () => {
  const look = await prepare(['silent'], 200);
  const start = performance.now();
  // The machine's own name servers may be quicker to say that there is no such name.
  expect(await look('gateway.invalid')).toMatch(/^(EAI_AGAIN|ENOTFOUND): .*gateway\.invalid/);
  expect(servers[0]?.queries.length).toBeGreaterThan(0);
  expect(performance.now() - start).toBeLessThan(3000);
});

test('a name server that answers "no such name" leaves the rest to the system', async () => {
  const look = await prepare(['no such name', 'answering'], 2000);
  expect(await look('gateway.invalid')).toMatch(/^(ENOTFOUND|EAI_AGAIN): getaddrinfo/);
  expect(servers.map(({ queries }) => queries)).toEqual([['gateway.invalid 1'], []]);
});

test('what is known without a name server asks none', async () => {
  const look = await prepare(['silent'], 200);
  expect(await look('localhost')).toMatch(/^(127\.0\.0\.1|::1)$/);
  expect(servers[0]?.queries).toEqual([]);
});

test.each([
  { behaviours: ['silent', 'answering'] },
  { behaviours: ['silent', 'silent', 'answering'] },
  { behaviours: ['failing', 'silent', 'answering'] },
] as const)(
  'the name servers $behaviours find an address, and no silence is waited for',
  async ({ behaviours }) => {
    const look = await prepare(behaviours, 2000);
    const start = performance.now();
    expect(await look('gateway.invalid')).toBe('127.0.0.1');
    // glibc waits five seconds for each silent server.
    expect(performance.now() - start).toBeLessThan(4000);
  },
);

test('a lookup that is closed ends at once', async () => {
  const look = await prepare(['silent', 'silent'], 60_000);
  const start = performance.now();
  const answer = look('gateway.invalid');
  lookups[0]?.close();
  expect(await answer).toBe('EAI_AGAIN: no name server answered for gateway.invalid');
  expect(performance.now() - start).toBeLessThan(10_000);
});

test('a second try joins the lookup of the first', async () => {
  const look = await prepare(['silent', 'answering'], 2000);
  expect(await Promise.all([look('gateway.invalid'), look('gateway.invalid')])).toEqual([
    '127.0.0.1',
    '127.0.0.1',
  ]);
  expect(servers[0]?.queries).toEqual(['gateway.invalid 1']);
});
