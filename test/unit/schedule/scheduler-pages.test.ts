import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Listener } from '../../../src/metrics-server.js';
import type { Scheduler, SchedulerState } from '../../../src/schedule/scheduler.js';
import { openSchedulerPages } from '../../../src/schedule/scheduler-pages.js';

const alive: SchedulerState = {
  runs: { succeeded: 1, failed: 0, timed_out: 0, interrupted: 0 },
  skipped: 2,
  missed: 3,
  pushFailures: 4,
  running: false,
  stopping: false,
  nextTickMs: undefined,
  lastDeliveryMs: undefined,
};
let state = alive;
let pages: Listener;
beforeEach(async () => {
  state = alive;
  const scheduler = { state: () => state } as Scheduler;
  pages = await openSchedulerPages(
    { host: '127.0.0.1', port: 0 },
    { job: 'nightly', scheduler, countSpooled: () => 5 },
  );
});
afterEach(() => pages.close());

const ask = (path: string) => fetch(pages.url + path);

test('a scheduler whose tick is long overdue is not healthy, and one that waits for its next is', async () => {
  state = { ...alive, nextTickMs: Date.now() + 3_600_000 };
  expect((await ask('/healthz')).status).toBe(200);
  state = { ...alive, nextTickMs: Date.now() - 3_600_000 };
  const answer = await ask('/healthz');
  expect(answer.status).toBe(500);
  expect(await answer.text()).toMatch(/^no tick since \d{4}-/);
});

test('one that is to end is healthy and not ready', async () => {
  state = { ...alive, stopping: true };
  expect((await ask('/healthz')).status).toBe(200);
  expect((await ask('/readyz')).status).toBe(503);
});

test('what it counts stands in its metrics, and what has never been does not', async () => {
  const text = await (await ask('/metrics')).text();
  for (const line of [
    'prombatch_scheduler_runs_total{batch_job="nightly",outcome="succeeded"} 1',
    'prombatch_scheduler_skipped_runs_total{batch_job="nightly"} 2',
    'prombatch_scheduler_missed_runs_total{batch_job="nightly"} 3',
    'prombatch_push_failures_total{batch_job="nightly"} 4',
    'prombatch_spooled_entries{batch_job="nightly"} 5',
  ]) {
    expect(text).toContain(`${line}\n`);
  }
  expect(text).not.toContain('prombatch_last_delivery_timestamp_seconds');
});
