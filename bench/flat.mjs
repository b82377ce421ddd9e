// What a push costs with many jobs held: by remote write nothing more than with few, at a gateway more with each.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Gauge, Registry } from 'prom-client';
import { pushMetrics } from '../dist/lib/index.js';
import { findServers, startServer } from './servers.mjs';

const HELD = [100, 1000, 5000];
const SERIES = 30;
/** The server's CPU is counted in 10 ms, and a gateway that holds much takes that for one push. */
const PUSHES = { gateway: 50, remoteWrite: 1000 };
const WARM_UP = 20;

/** CPU in ms a push, of client and server, by server and by how many jobs it holds. */
export async function flat() {
  const results = {};
  const found = /** @type {const} */ (['pushgateway', 'prometheus', 'victoria-metrics']).flatMap(findServers);
  for (const program of found) {
    const rows = await measure(program);
    results[program.name] = rows;
    const cells = rows.map(
      ({ held, client, server }) => `${held} jobs ${client.toFixed(2)} + ${server.toFixed(2)}`,
    );
    console.log(`CPU ms a push of ${SERIES} series, client + server, ${program.name}: ${cells.join(', ')}`);
  }
  return results;
}

async function measure(program) {
  const registry = new Registry();
  const gauge = new Gauge({ name: 'held', help: 'Held.', labelNames: ['n'], registers: [registry] });
  for (let n = 0; n < SERIES; n++) gauge.set({ n }, n / 7);
  const byGateway = program.kind === 'pushgateway';
  const push = (server, n) => {
    const target = byGateway
      ? { gateway: server.url }
      : { gateway: 'none', remoteWrite: [`${server.url}/api/v1/write`] };
    return pushMetrics(registry, { job: `job_${n}`, ...target, env: {}, timeoutMs: 60_000 });
  };
  const rows = [];
  for (const held of HELD) {
    const server = await startFilled(program, held, push);
    // Nobody's first pushes are counted.
    for (let n = 0; n < WARM_UP; n++) await push(server, n);
    const pushes = byGateway ? PUSHES.gateway : PUSHES.remoteWrite;
    const client = process.cpuUsage();
    const before = server.cpuMs();
    for (let n = 0; n < pushes; n++) await push(server, n % held);
    const { user, system } = process.cpuUsage(client);
    rows.push({ held, client: (user + system) / 1000 / pushes, server: (server.cpuMs() - before) / pushes });
    await server.stop();
  }
  return rows;
}

/** A server that holds so many jobs. A gateway that checks its pushes takes an hour to fill, and one that does not seconds. */
async function startFilled(program, held, push) {
  const fill = async (server) => {
    for (let n = 0; n < held; n++) await push(server, n);
    return server;
  };
  if (program.kind !== 'pushgateway') return fill(await startServer(program));
  const folder = mkdtempSync(join(tmpdir(), 'prombatch-bench-'));
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  const kept = join(folder, 'held');
  const unchecked = await fill(
    await startServer(program, { kept, flags: ['--push.disable-consistency-check'] }),
  );
  await unchecked.stop();
  return startServer(program, { kept });
}
