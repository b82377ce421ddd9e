import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { CLI } from '../support/cli.js';
import { answering, type FaultyServer } from '../support/faulty-server.js';
import { type NameServer, type NameServerOptions, startNameServer } from '../support/name-server.js';
import { canMakeNamespaces } from '../support/namespaces.js';
import { startProgram } from '../support/program.js';

/** The system asks port 53: addresses of loopback that no one else uses. */
const hostOf = (index: number): string => `127.53.${process.pid % 256}.${index + 1}`;

let folder: string;
let gateway: FaultyServer;
let servers: NameServer[];
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'prombatch-names-'));
  gateway = await answering({ status: 200 });
  servers = [];
});
afterEach(async () => {
  for (const server of servers) server.close();
  await gateway.close();
  rmSync(folder, { recursive: true });
});

async function startServers(...given: readonly ('silent' | 'no such name' | NameServerOptions)[]) {
  for (const [index, behaviour] of given.entries()) {
    const at = { host: hostOf(index), port: 53 };
    servers.push(
      typeof behaviour === 'string'
        ? await startNameServer(behaviour, at)
        : await startNameServer('answering', { ...behaviour, ...at }),
    );
  }
}

/** The sample, pushed to `host` on a system that asks the servers started so far. */
async function run(host: string, { resolv = '', flags = [] }: { resolv?: string; flags?: string[] } = {}) {
  const config = servers.map((_, index) => `nameserver ${hostOf(index)}\n`).join('');
  writeFileSync(join(folder, 'resolv.conf'), config + resolv);
  const port = gateway.address.split(':')[1];
  const script = 'mount --bind "$0" /etc/resolv.conf && exec "$@"';
  const sample = [CLI, 'run', '-g', `${host}:${port}`, '--ticks', '1', '--no-spool', ...flags];
  const command = ['-m', 'sh', '-c', script, join(folder, 'resolv.conf'), process.execPath, ...sample];
  const started = performance.now();
  const result = await startProgram('unshare', command, { HOME: folder }).result;
  return { ...result, elapsedMs: performance.now() - started };
}

describe.skipIf(!canMakeNamespaces())('a system whose first name server is silent', () => {
  test('delivers by what the second one knows, sooner than the system would', async () => {
    await startServers('silent', {});
    const { code, stderr, elapsedMs } = await run('gateway.test');
    expect(stderr).toContain('pushed to');
    expect(code).toBe(0);
    expect(elapsedMs).toBeLessThan(5000);
    expect(gateway.requests).toHaveLength(2);
  });

  test('delivers to a name of its search domain', async () => {
    await startServers('silent', { names: ['gateway.cluster.test'] });
    const resolv = 'search cluster.test\noptions timeout:1\n';
    const { code, stderr } = await run('gateway', { resolv });
    expect(stderr).toContain('pushed to');
    expect(code).toBe(0);
  });

  test.each(['no such name', 'silent'] as const)(
    'ends in time where the second says %s, and says why',
    async (second) => {
      await startServers('silent', second);
      const { code, stderr, elapsedMs } = await run('gateway.test', { flags: ['--push-timeout', '6s'] });
      expect(code).toBe(3);
      expect(stderr).toMatch(/the host of http:\/\/gateway\.test:\d+ has no address|did not answer in time/);
      expect(elapsedMs).toBeLessThan(8000);
    },
  );

  test('delivers to a name of /etc/hosts', async () => {
    await startServers('silent', 'silent');
    expect((await run('localhost')).code).toBe(0);
    expect(servers.flatMap(({ queries }) => queries)).toEqual([]);
  });
});
