import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { defineJob } from '../../src/job/job.js';
import { runJob } from '../../src/library/run-job.js';
import { long } from '../support/long.js';
import { pushgatewayBinaries } from '../support/pushgateway.js';
import { type ServerProcess, startServer } from '../support/server-process.js';

const RUNS = long ? 500 : 100;
const JITTER_MS = long ? 5000 : 1000;

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
      const statuses = await Promise.all(
        Array.from({ length: RUNS }, (_, shard) => runOne(server.url, how, shard, jitterMs)),
      );
      expect(statuses.filter((status) => status !== 'delivered')).toEqual([]);
      const text = await (await fetch(`${server.url}/metrics`)).text();
      const told = text
        .split('\n')
        .filter((line) => line.startsWith(`batch_job_success{`) && line.includes(`job="${how}"`));
      expect(told).toHaveLength(RUNS);
    });
  });
}

async function runOne(gateway: string, job: string, shard: number, jitterMs: number) {
  await new Promise((resolve) => setTimeout(resolve, Math.random() * jitterMs));
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
    },
  );
  return delivery.status;
}
