// What a push costs with many jobs held: by remote write nothing more than with few, at a gateway more with each.
import { Gauge, Registry } from 'prom-client';
import { pushMetrics } from '../dist/lib/index.js';
import { findServers, startServer } from './servers.mjs';

const HELD = [100, 1000, 5000];
const SERIES = 30;
/** The server's CPU is counted in 10 ms, and a gateway that holds much takes that for one push. */
const PUSHES = { gateway: 100, remoteWrite: 1000 };

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
  const server = await startServer(program);
  const registry = new Registry();
  const gauge = new Gauge({ name: 'held', help: 'Held.', labelNames: ['n'], registers: [registry] });
  for (let n = 0; n < SERIES; n++) gauge.set({ n }, n / 7);
  const byGateway = program.kind === 'pushgateway';
  const target = byGateway
    ? { gateway: server.url }
    : { gateway: 'none', remoteWrite: [`${server.url}/api/v1/write`] };
  const push = (n) => pushMetrics(registry, { job: `job_${n}`, ...target, env: {}, timeoutMs: 60_000 });
  const pushes = byGateway ? PUSHES.gateway : PUSHES.remoteWrite;
  const rows = [];
  let held = 0;
  for (const goal of HELD) {
    for (; held < goal; held++) await push(held);
    const client = process.cpuUsage();
    const before = server.cpuMs();
    for (let n = 0; n < pushes; n++) await push(n % held);
    const { user, system } = process.cpuUsage(client);
    rows.push({ held, client: (user + system) / 1000 / pushes, server: (server.cpuMs() - before) / pushes });
  }
  await server.stop();
  return rows;
}
