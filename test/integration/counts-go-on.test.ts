import { Counter, Histogram, Registry } from 'prom-client';
import { expect, test } from 'vitest';
import { defineJob, runJob, UsageError } from '../../src/index.js';
import { createSampleJob } from '../../src/job/sample-job.js';
import type { RunOptions } from '../../src/run/run-options.js';
import { describeOnPushgateways } from '../support/pushgateway.js';

/** One run of a job with these own metrics. */
function run(gateway: string, job: string, metrics: string, options: RunOptions = {}) {
  const definition = defineJob({
    name: job,
    createRegistry: () => ({ metrics: () => metrics }),
    run() {},
  });
  return runJob(definition, { gateway, accumulate: true, ...options });
}

const counter = (...samples: string[]) =>
  `# TYPE rows counter\n${samples.map((line) => `${line}\n`).join('')}`;

describeOnPushgateways('counts that go on', (gateway) => {
  const post = (job: string, body: string) =>
    fetch(`${gateway().url}/metrics/job/${job}`, { method: 'POST', body });

  test('a counter that the gateway holds as NaN begins anew, and counts again from then on', async () => {
    await post('held_nan', counter('rows{of="a"} NaN', 'rows{of="b"} 4', 'rows{of="c"} +Inf'));
    const metrics = counter('rows{of="a"} 2', 'rows{of="b"} 2', 'rows{of="c"} 2');
    for (const runs of [1, 2]) {
      expect(await run(gateway().url, 'held_nan', metrics)).toMatchObject({ exitCode: 0 });
      expect(await gateway().samples('held_nan')).toMatchObject({
        'rows{of="a"}': 2 * runs,
        'rows{of="b"}': 4 + 2 * runs,
        'rows{of="c"}': 2 * runs,
      });
    }
  });

  test("the sample's wave begins anew with its counter", async () => {
    const name = 'held_nan_wave';
    await post(name, '# TYPE prom_sample_counter counter\nprom_sample_counter NaN\n');
    const sample = createSampleJob({ ticks: 3, intervalMs: 0 });
    await runJob(sample, { gateway: gateway().url, accumulate: true, job: name });
    expect(await gateway().samples(name)).toMatchObject({ prom_sample_counter: 3, prom_sample_gauge: 3 });
  });

  test('a histogram whose sum is held as NaN begins anew as a whole', async () => {
    const histogram = (sum: string) =>
      `# TYPE h histogram\nh_bucket{le="1"} 1\nh_bucket{le="+Inf"} 2\nh_sum ${sum}\nh_count 2\n`;
    await post('held_nan_sum', histogram('NaN'));
    for (const runs of [1, 2]) {
      expect(await run(gateway().url, 'held_nan_sum', histogram('3'))).toMatchObject({ exitCode: 0 });
      expect(await gateway().samples('held_nan_sum')).toMatchObject({
        'h_bucket{le="1"}': runs,
        h_sum: 3 * runs,
        h_count: 2 * runs,
      });
    }
  });

  test.each(['NaN', '+Inf'])(
    "a run's counter that is %s is refused by name, and what is held stays",
    async (value) => {
      const job = `run_${value.replace('+', '')}`;
      await run(gateway().url, job, counter('rows 3'));
      const { delivery } = await run(gateway().url, job, counter(`rows ${value}`));
      expect(delivery).toMatchObject({
        status: 'outcome_only',
        error: { message: expect.stringContaining(`metric "rows" has the value ${value}`) },
      });
      expect(await gateway().samples(job)).toMatchObject({ rows: 3, batch_job_metrics_rejected: 1 });
      await run(gateway().url, job, counter('rows 3'));
      expect(await gateway().samples(job)).toMatchObject({ rows: 6, batch_job_metrics_rejected: 0 });
    },
  );

  test('a quantile that is NaN, as prom-client has it without observations, is no count', async () => {
    const summary = '# TYPE s summary\ns{quantile="0.5"} NaN\ns_sum 1\ns_count 1\n';
    for (const runs of [1, 2]) {
      expect(await run(gateway().url, 'nan_quantile', summary)).toMatchObject({ exitCode: 0 });
      expect((await gateway().samples('nan_quantile')).s_count).toBe(runs);
    }
  });

  test('a sample with an empty instance goes on', async () => {
    for (const runs of [1, 2, 3]) {
      const own = counter('rows{instance="",of="a"} 2', 'rows{instance="x"} 1');
      expect(await run(gateway().url, 'instance', own)).toMatchObject({ exitCode: 0 });
      expect(await gateway().samples('instance')).toMatchObject({
        'rows{of="a"}': 2 * runs,
        'rows{instance="x"}': runs,
      });
    }
  });

  test('metrics named like the fields of the API go on, in each group by itself', async () => {
    const own =
      '# TYPE labels counter\nlabels 2\n# TYPE last_push_successful counter\nlast_push_successful 3\n';
    for (const runs of [1, 2, 3]) {
      for (const shard of ['1', '2']) {
        const grouping = { shard };
        expect(await run(gateway().url, 'api_names', own, { grouping })).toMatchObject({ exitCode: 0 });
      }
      expect(await gateway().samples('api_names')).toMatchObject({
        'labels{shard="1"}': 2 * runs,
        'labels{shard="2"}': 2 * runs,
        'last_push_successful{shard="1"}': 3 * runs,
      });
    }
  });

  test('a group goes on from itself, and not from one that has fewer or more labels', async () => {
    const own = counter('rows 2');
    for (const runs of [1, 2]) {
      for (const grouping of [{}, { a: '1' }, { a: '1', b: '2' }]) {
        expect(await run(gateway().url, 'nested', own, { grouping })).toMatchObject({ exitCode: 0 });
      }
      const samples = await gateway().samples('nested');
      expect([samples.rows, samples['rows{a="1"}'], samples['rows{a="1",b="2"}']]).toEqual([
        2 * runs,
        2 * runs,
        2 * runs,
      ]);
    }
  });

  test.each([true, false])(
    'a grouping label in quotes is refused by name (accumulate %s)',
    async (accumulate) => {
      for (const [sample, label] of [
        ['{"rows","host"="x"} 1', 'host'],
        ['rows{ "job" = "x"} 1', 'job'],
      ]) {
        const { delivery } = await run(gateway().url, 'quoted', `# TYPE rows counter\n${sample}\n`, {
          accumulate,
          grouping: { host: 'y' },
        });
        expect(delivery).toMatchObject({
          status: 'outcome_only',
          error: {
            message: expect.stringContaining(
              `line 2 has the label "${label}" in quotes, and the group has it`,
            ),
          },
        });
        expect(await gateway().samples('quoted')).toMatchObject({
          'batch_job_metrics_rejected{host="y"}': 1,
        });
      }
    },
  );

  test("a registry of OpenMetrics counts like any other, exemplars and a counter's name aside", async () => {
    for (const accumulate of [true, false]) {
      for (const runs of [1, 2, 3]) {
        const registry = new Registry();
        const job = defineJob({
          name: `open_metrics_${accumulate}`,
          createRegistry() {
            registry.setContentType(Registry.OPENMETRICS_CONTENT_TYPE as never);
            return registry;
          },
          run() {
            const registers = [registry];
            new Counter({ name: 'rows', help: 'Rows.', labelNames: ['of'], registers }).inc(
              { of: 'a # b' },
              2,
            );
            const exemplarLabels = { trace_id: 'abc' };
            new Counter({ name: 'files_total', help: 'Files.', enableExemplars: true, registers }).inc({
              value: 3,
              exemplarLabels,
            });
            new Histogram({ name: 'h', help: 'H.', buckets: [1], enableExemplars: true, registers }).observe({
              value: 1,
              exemplarLabels,
            });
          },
        });
        expect(await runJob(job, { gateway: gateway().url, accumulate })).toMatchObject({ exitCode: 0 });
        const times = accumulate ? runs : 1;
        expect(await gateway().samples(job.name)).toMatchObject({
          'rows_total{of="a # b"}': 2 * times,
          files_total: 3 * times,
          'h_bucket{le="1"}': times,
          h_sum: times,
        });
      }
    }
    const page = await (await fetch(`${gateway().url}/metrics`)).text();
    expect(page).toContain('# HELP rows_total Rows.\n# TYPE rows_total counter\n');
  });
});

test('a grouping label that a gateway with UTF-8 names would decode is refused by name', async () => {
  await expect(run('none', 'a', '', { grouping: { U__a_20_b: 'x' } })).rejects.toThrow(UsageError);
  await expect(run('none', 'a', '', { grouping: { U__a_20_b: 'x' } })).rejects.toThrow('"U__a_20_b=x"');
});
