import { afterEach, beforeEach, expect, test } from 'vitest';
import { defineJob, runJob } from '../../src/index.js';
import { startGateway, type TestGateway } from '../../src/testing.js';

// The README's example of prombatch/testing.

let gateway: TestGateway;
beforeEach(async () => {
  gateway = await startGateway();
});
afterEach(() => gateway.close());

test('my job reports what it did', async () => {
  const job = defineJob({ name: 'import_orders', run: () => ({ recordsProcessed: 3 }) });
  await runJob(job, { gateway: gateway.url, grouping: { shard: '1' } });

  const [group] = gateway.groups();
  expect(group?.labels).toEqual({ job: 'import_orders', shard: '1' });
  expect(group?.samples.batch_job_records_processed).toBe(3);
});

test('wipe forgets all', async () => {
  await runJob(defineJob({ name: 'a', run() {} }), { gateway: gateway.url });
  gateway.wipe();
  expect(gateway.groups()).toEqual([]);
});
