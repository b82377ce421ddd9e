import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { describeGroup } from '../../src/gateway/describe.js';
import { openGateway, type RunningGateway } from '../../src/gateway/gateway.js';
import { runCli } from '../support/cli.js';
import { buildVariant } from '../support/variant.js';

// A batch metric is added in one place: its row in the table. Two of them are, and nothing else changes.

const ROWS = `const BATCH_METRICS = [
  { name: 'batch_job_added', help: 'Added.', pushed: 'end', value: () => 7 },
  { name: 'batch_job_added_at_success', help: 'Added.', pushed: 'end of a success', value: ({ completedAtMs }) => completedAtMs / 1000 },
`;

let folder: string;
let gateway: RunningGateway;
let cli: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'one-more-'));
  gateway = await openGateway();
  cli = await buildVariant(
    'outcome/batch-metrics.ts',
    'const BATCH_METRICS = [\n',
    ROWS,
    join(folder, 'more.cjs'),
  );
});
afterAll(async () => {
  await gateway.close();
  rmSync(folder, { recursive: true, force: true });
});

const run = (...args: string[]) =>
  runCli(['run', '--interval', '0', '--ticks', '2', '-g', gateway.url, ...args], { cli });
const samples = (): Record<string, number> =>
  Object.assign({}, ...gateway.groups().map((group) => describeGroup(group).samples));

test('it is pushed, by the pushes that its row names', async () => {
  gateway.wipe();
  await run('--fail-after', '1', '--no-spool');
  expect(samples()).toMatchObject({ batch_job_added: 7, batch_job_success: 0 });
  expect(samples()).not.toHaveProperty('batch_job_added_at_success');
  await run('--no-spool');
  const { batch_job_added_at_success: at } = samples();
  expect(at).toBeGreaterThan(0);
  await run('--fail-after', '1', '--no-spool');
  expect(samples()).toMatchObject({ batch_job_added_at_success: at, batch_job_success: 0 });
});

test('it is written to the textfile, and what a success says stays there', async () => {
  const text = () => readFileSync(join(folder, 'prom_sample_batch.prom'), 'utf8');
  const added = () => /^batch_job_added_at_success\{.*$/m.exec(text())?.[0];
  await run('--textfile', folder, '--no-spool');
  const line = added();
  expect(line).toBeDefined();
  await run('--textfile', folder, '--no-spool', '--fail-after', '1');
  expect(text()).toContain('batch_job_added{batch_job="prom_sample_batch"} 7');
  expect(added()).toBe(line);
});

test('of an entry that is late, what a success says goes if it is newer, and the rest does not', async () => {
  gateway.wipe();
  const spool = join(folder, 'spool');
  // The run is kept for this gateway, and a failed one is heard of before it is sent.
  await runCli(
    [
      'run',
      '--interval',
      '0',
      '-g',
      gateway.url,
      '--spool',
      spool,
      '--http-config-file',
      'missing',
      '--on-push-failure',
      'warn',
    ],
    { cli },
  );
  expect(readdirSync(spool)).toHaveLength(1);
  await run('--fail-after', '1', '--no-spool');
  const heard = samples();
  expect((await runCli(['flush', '-g', gateway.url, '--spool', spool], { cli })).code).toBe(0);
  expect(samples().batch_job_added_at_success).toBeGreaterThan(0);
  expect(samples()).toMatchObject({
    batch_job_success: 0,
    batch_job_last_start_timestamp_seconds: heard.batch_job_last_start_timestamp_seconds,
  });
});

test("a job's own metrics must not use its name", async () => {
  const words = ['exec', '-g', gateway.url, '--job', 'own', '--no-spool', '--', 'sh', '-c'];
  const { stderr } = await runCli([...words, 'echo "batch_job_added 1" >> "$PROMBATCH_METRICS_FILE"'], {
    cli,
  });
  expect(stderr).toContain('metric "batch_job_added" is one of those that prombatch itself pushes');
});
