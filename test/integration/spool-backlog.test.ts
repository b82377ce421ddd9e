import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createGatewayClient } from '../../src/delivery/client/gateway-client.js';
import { withDeadline } from '../../src/delivery/deadline.js';
import { parseGatewayAddress } from '../../src/delivery/http/gateway-address.js';
import { createRunSpool } from '../../src/delivery/spool/run-spool.js';
import { openSpool } from '../../src/delivery/spool/spool.js';
import { silentLog } from '../../src/log.js';
import { answering, type FaultyServer } from '../support/faulty-server.js';

// Much waits for a gateway that was away for long: the next run is not kept from its work.

let folder: string;
let server: FaultyServer;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'prombatch-backlog-'));
  server = await answering({ status: 200, body: '{"status":"success","data":[]}' });
});
afterEach(async () => {
  await server.close();
  rmSync(folder, { recursive: true, force: true });
});

/** Sends so many entries, each of fifty series that no other has. */
async function flushEntries(count: number) {
  const path = join(folder, String(count));
  const client = createGatewayClient(parseGatewayAddress(server.address));
  const key = { job: 'a', grouping: [] };
  const waiting = openSpool(path, silentLog).group(client.target, key);
  for (let entry = 0; entry < count; entry++) {
    const series = Array.from({ length: 50 }, (_, at) => `rows{item="${entry}_${at}"} 1\n`);
    waiting.add({
      key,
      startedAtMs: 1000 * entry,
      put: false,
      outcome: `# TYPE batch_job_last_start_timestamp_seconds gauge\nbatch_job_last_start_timestamp_seconds ${entry}\n`,
      own: `# TYPE rows counter\n${series.join('')}`,
      accumulate: true,
    });
  }
  const limits = { entries: count, bytes: Number.MAX_SAFE_INTEGER };
  const spool = createRunSpool({ path, limits, client, key, log: silentLog });
  // In CPU time: other work on the machine does not count.
  const cpuMs = () => process.cpuUsage().user / 1000;
  let longestSliceMs = 0;
  const startMs = cpuMs();
  let lastMs = startMs;
  const measure = (): void => {
    longestSliceMs = Math.max(longestSliceMs, cpuMs() - lastMs);
    lastMs = cpuMs();
  };
  const timer = setInterval(measure, 1);
  const emptied = await withDeadline(120_000, (deadline) => spool.flush({ deadline }));
  measure();
  clearInterval(timer);
  client.close();
  return { emptied, cpuMs: cpuMs() - startMs, longestSliceMs };
}

test('four times as many entries cost less than eight times as much work', async () => {
  await flushEntries(20);
  const few = await flushEntries(80);
  const many = await flushEntries(320);
  expect(many.emptied).toBe(true);
  expect(many.cpuMs / few.cpuMs).toBeLessThan(8);
  expect(server.requests.join('').match(/\nrows\{/g)).toHaveLength(50 * (20 + 80 + 320));
}, 120_000);

test('a job that runs meanwhile keeps its timers', async () => {
  await flushEntries(20);
  const { cpuMs, longestSliceMs } = await flushEntries(400);
  expect(longestSliceMs / cpuMs).toBeLessThan(0.6);
}, 120_000);
