import { Counter, Gauge, Registry } from 'prom-client';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { defineJob } from '../../../src/job/job.js';
import { pushMetrics } from '../../../src/library/push-metrics.js';
import { runJob } from '../../../src/library/run-job.js';
import { type Collector, startCollector } from '../../support/remote-write.js';

let receiver: Collector;
beforeEach(async () => {
  receiver = await startCollector();
});
afterEach(() => receiver.close());

/** Nothing of the machine's own environment. */
const env = {};
const values = (samples: readonly (readonly [number, number])[]) => samples.map(([, value]) => value);

describe('runJob', () => {
  const job = (rows: number) =>
    defineJob({
      name: 'import',
      run({ registry }) {
        new Counter({ name: 'rows_total', help: 'rows', registers: [registry] }).inc(rows);
      },
    });

  test('delivers to receivers of remote write alone, if no gateway is named', async () => {
    const { delivery, outcome, exitCode } = await runJob(job(7), { remoteWrite: [receiver.url], env });
    expect({ delivery, exitCode }).toEqual({ delivery: { status: 'delivered' }, exitCode: 0 });
    expect(receiver.samples('rows_total')).toEqual([
      [outcome.completedAtMs - 1, 0],
      [outcome.completedAtMs, 7],
    ]);
    expect(receiver.samples('batch_job_success')).toEqual([[outcome.completedAtMs, 1]]);
  });

  test('takes the receivers of the environment, and none if an option says so', async () => {
    const given = { PROMBATCH_REMOTE_WRITE: receiver.url, PROMBATCH_GATEWAY: 'none' };
    expect(await runJob(job(1), { env: given })).toMatchObject({ delivery: { status: 'delivered' } });
    const before = receiver.requests.length;
    expect(before).toBeGreaterThan(0);
    expect(await runJob(job(1), { env: given, remoteWrite: [] })).toMatchObject({
      delivery: { status: 'none' },
    });
    expect(receiver.requests).toHaveLength(before);
  });

  test('gives runs of one process, which keep nothing, times of their own', async () => {
    const ends: number[] = [];
    for (let run = 0; run < 3; run++) {
      await runJob(job(1), { remoteWrite: [receiver.url], env, job: 'quick' });
      ends.push(receiver.samples('batch_job_success', { job: 'quick' }).at(-1)?.[0] ?? 0);
    }
    expect(ends[1]).toBeGreaterThanOrEqual((ends[0] ?? 0) + 2);
    expect(ends[2]).toBeGreaterThanOrEqual((ends[1] ?? 0) + 2);
  });

  test.each([
    [{ accumulate: true }, 'accumulate: expected a gateway with it'],
    [{ grouping: { delivery: 'x' } }, 'expected a label other than "delivery"'],
  ])('refuses %j', async (options, message) => {
    const run = runJob(job(1), { remoteWrite: [receiver.url], env, ...options });
    await expect(run).rejects.toThrow(message);
    expect(receiver.requests).toEqual([]);
  });

  test('sets the job’s own metrics aside that use the label of this road, and tells the outcome', async () => {
    const labelled = defineJob({
      name: 'labelled',
      run({ registry }) {
        const gauge = new Gauge({ name: 'g', help: 'g', labelNames: ['delivery'], registers: [registry] });
        gauge.set({ delivery: 'fast' }, 1);
      },
    });
    const { delivery } = await runJob(labelled, { remoteWrite: [receiver.url], env });
    expect(delivery).toMatchObject({ status: 'outcome_only' });
    expect(values(receiver.samples('batch_job_metrics_rejected'))).toEqual([0, 1]);
    expect(values(receiver.samples('batch_job_success'))).toEqual([1]);
    expect(receiver.samples('g')).toEqual([]);
  });
});

describe('pushMetrics', () => {
  test('sends a registry as it is now, with one 0 before what a count has first', async () => {
    const registry = new Registry();
    const rows = new Counter({ name: 'rows_total', help: 'rows', registers: [registry] });
    const options = { job: 'direct', grouping: { shard: '3' }, remoteWrite: [receiver.url], env };
    rows.inc(5);
    await pushMetrics(registry, options);
    rows.inc(2);
    await pushMetrics(registry, options);
    const samples = receiver.samples('rows_total', { shard: '3', delivery: 'remote_write' });
    expect(values(samples)).toEqual([0, 5, 7]);
    expect(samples[1]?.[0]).toBe((samples[0]?.[0] ?? 0) + 1);
    expect(samples[2]?.[0]).toBeGreaterThanOrEqual((samples[1]?.[0] ?? 0) + 2);
  });

  test('rejects if one receiver does not store them, and still sends to the other', async () => {
    const registry = new Registry();
    new Gauge({ name: 'temperature', help: 't', registers: [registry] }).set(3);
    const push = pushMetrics(registry, {
      job: 'direct',
      remoteWrite: ['http://127.0.0.1:1/write', receiver.url],
      timeoutMs: 300,
      env,
    });
    await expect(push).rejects.toThrow('nothing listens at http://127.0.0.1:1');
    expect(values(receiver.samples('temperature'))).toEqual([3]);
  });
});
