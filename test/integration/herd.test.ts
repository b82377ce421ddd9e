import { readFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { defineJob } from '../../src/job/job.js';
import { runJob } from '../../src/run-job.js';
import { pushgatewayBinaries } from '../support/pushgateway.js';
import { type ServerProcess, startServer } from '../support/server-process.js';

const RUNS = 500;
const JITTER_MS = 5000;

for (const [name, binary] of pushgatewayBinaries()) {
  describe.skipIf(binary === undefined)(`a herd of ${RUNS} runs, on ${name}`, () => {
    let server: ServerProcess;
    beforeEach(async () => {
      server = await startServer(
        binary ?? '',
        ['--persistence.file=', '--web.listen-address=127.0.0.1:0'],
        '/-/ready',
      );
    });
    afterEach(() => server?.stop());

    test.each([
      ['all at once', 0],
      [`with a jitter of ${JITTER_MS}ms`, JITTER_MS],
    ])('%s: every run is delivered, none is lost', async (how, jitterMs) => {
      const before = cpuSeconds(server.child.pid ?? 0);
      const pushes = await Promise.all(
        Array.from({ length: RUNS }, (_, shard) => runOne(server.url, how, shard, jitterMs)),
      );
      expect(pushes.filter(({ status }) => status !== 'delivered')).toEqual([]);
      const text = await (await fetch(`${server.url}/metrics`)).text();
      const told = text
        .split('\n')
        .filter((line) => line.startsWith(`batch_job_success{`) && line.includes(`job="${how}"`));
      expect(told).toHaveLength(RUNS);
      const slowest = Math.max(...pushes.map(({ ms }) => ms));
      const cpu = cpuSeconds(server.child.pid ?? 0) - before;
      console.log(`herd, ${how}: slowest push ${Math.round(slowest)}ms, gateway's CPU ${cpu.toFixed(2)}s`);
    });
  });
}

async function runOne(gateway: string, job: string, shard: number, jitterMs: number) {
  await new Promise((resolve) => setTimeout(resolve, Math.random() * jitterMs));
  let endedAt = 0;
  const { delivery } = await runJob(
    defineJob({
      name: 'herd',
      createRegistry: () => ({ metrics: () => `# TYPE rows gauge\nrows ${shard}\n` }),
      run: () => undefined,
    }),
    {
      gateway,
      job,
      grouping: { shard: String(shard) },
      // The gateway compares each push with all that it holds: many at once take it long, and they wait.
      pushTimeoutMs: 60_000,
      onEnd: () => {
        endedAt = performance.now();
      },
    },
  );
  return { status: delivery.status, ms: performance.now() - endedAt };
}

/** What a process has used of the processors so far: proc(5), in ticks of a hundredth of a second. */
function cpuSeconds(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const [user = 0, system = 0] = stat
    .slice(stat.lastIndexOf(')') + 2)
    .split(' ')
    .slice(11, 13)
    .map(Number);
  return (user + system) / 100;
}
