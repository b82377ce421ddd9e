import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type RunningCli, runCli, startCli } from '../support/cli.js';
import { readCompose } from '../support/compose.js';
import { dashboards, panelsOf } from '../support/dashboards.js';
import { promqlExamples } from '../support/examples.js';
import { describeOnStacks, project, type Stack, startStack } from '../support/stack.js';
import { waitFor } from '../support/wait-for.js';

/** A job that names its stages, which the sample does not. */
const STAGED = `
import { defineJob } from '${join(project, 'dist/lib/index.js')}';
export default defineJob({
  name: 'staged',
  async run({ stage }) {
    await stage('fetch', () => {});
    await stage('load', () => {});
    return { recordsProcessed: 7 };
  },
});
`;

describeOnStacks('after several scheduled runs', (programs) => {
  let stack: Stack;
  let folder: string;
  let direct: RunningCli | undefined;
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'prombatch-dashboards-'));
    writeFileSync(join(folder, 'staged.mjs'), STAGED);
    stack = await startStack(programs);
    const { code } = await runCli([
      'run',
      join(folder, 'staged.mjs'),
      '-g',
      stack.gateway.url,
      '--expected-interval',
      '1h',
    ]);
    expect(code).toBe(0);
    // The profile direct of the compose file, with the addresses of this stack.
    const service = readCompose().services.direct;
    direct = startCli(
      (service?.command ?? []).map((word) => word.replace(':9464', '127.0.0.1:0')),
      {
        env: {
          ...service?.environment,
          PUSHGATEWAY_URL: stack.gateway.url,
          PROMBATCH_REMOTE_WRITE: `${stack.prometheus.url}/api/v1/write`,
          PROMBATCH_SPOOL: join(folder, 'spool'),
        },
      },
    );
    await waitFor(
      'several runs to be scraped',
      async () => {
        const [runs] = await stack.query('changes(prom_sample_counter{job="prom_sample_batch"}[5m])');
        return Number(runs?.value?.[1]) >= 3;
      },
      60_000,
    );
    await waitFor('the run by both roads', async () => {
      const roads = await stack.query('batch_job_success{job="prom_sample_direct"}');
      return roads.length === 2;
    });
  }, 120_000);
  afterAll(async () => {
    direct?.child.kill('SIGTERM');
    await direct?.result;
    await stack?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  /** The values of the variable `job`, as Grafana finds them; `All` is what it puts in for that. */
  const jobsOf = async (query: string): Promise<string[]> => {
    const metric = /^label_values\((.+), job\)$/.exec(query)?.[1] ?? '';
    const series = await stack.query(`count by (job) (${metric})`);
    return series.map(({ metric: { job = '' } }) => job).sort();
  };
  const fill = (expr: string, job: string) => expr.replaceAll('$job', job);

  test('the variable job finds the pushed and the scraped sample, and every batch job', async () => {
    const query = (name: 'sample' | 'batch-jobs' | 'batch-history') =>
      dashboards()[name].templating.list.find((variable) => variable.name === 'job')?.query ?? '';
    expect(await jobsOf(query('sample'))).toEqual(['prom_sample', 'prom_sample_batch', 'prom_sample_direct']);
    expect(await jobsOf(query('batch-jobs'))).toEqual(['prom_sample_batch', 'prom_sample_direct', 'staged']);
    expect(await jobsOf(query('batch-history'))).toEqual(['prom_sample_direct']);
  });

  test('the profile direct delivers a run by both roads, told apart by a label', async () => {
    const success = (await stack.query('batch_job_success{job="prom_sample_direct"}')).map(
      ({ metric, value }) => [metric.delivery ?? 'by the gateway', value?.[1]],
    );
    expect(success.sort()).toEqual([
      ['by the gateway', '1'],
      ['remote_write', '1'],
    ]);
    expect(direct?.stderr()).not.toMatch(/error|warn/);
  });

  test.each([
    ['sample', 'prom_sample_batch'],
    ['sample', 'prom_sample'],
    ['batch-jobs', '.+'],
    ['batch-jobs', 'prom_sample_batch|staged'],
  ] as const)('no query of the dashboard %s for the job %s is empty', async (name, job) => {
    const empty: string[] = [];
    for (const { title, targets = [] } of panelsOf(dashboards()[name])) {
      for (const { expr } of targets) {
        const series = await stack.query(fill(expr, job));
        const numbers = series.map(({ value }) => Number(value?.[1]));
        if (!numbers.some((number) => !Number.isNaN(number))) empty.push(`${title}: ${expr}`);
      }
    }
    expect(empty).toEqual([]);
  });

  test.each(['prom_sample_batch', 'prom_sample'])('the rates of %s move', async (job) => {
    for (const { title, targets = [] } of panelsOf(dashboards().sample)) {
      for (const { expr } of targets.filter((target) => target.expr.includes('rate('))) {
        const numbers = (await stack.query(fill(expr, job))).map(({ value }) => Number(value?.[1]));
        expect(Math.max(...numbers.filter((number) => !Number.isNaN(number))), title).toBeGreaterThan(0);
      }
    }
  });

  /** The history is that of another test, which has made it. */
  const examples = promqlExamples('docs/promql.md', { but: 'History on the direct road' });

  test('each example of docs/promql.md is answered with data', async () => {
    expect(examples.length).toBeGreaterThan(30);
    const empty: string[] = [];
    for (const example of examples) if ((await stack.query(example)).length === 0) empty.push(example);
    expect(empty).toEqual([]);
  });

  test('all four kinds of matcher, ranges, operators, rate, sum and quantiles are among them', () => {
    const text = examples.join('\n');
    for (const part of [
      '="',
      '!="',
      '=~"',
      '!~"',
      '[5m]',
      ' or ',
      ' unless ',
      'bool',
      'abs(',
      'rate(',
      'increase(',
      'sum(',
      'sum by',
      'histogram_quantile(',
      'time()',
    ]) {
      expect(text).toContain(part);
    }
  });

  test('the query of the runbook finds what the gateway holds of a job', async () => {
    const [, query = ''] =
      /```promql\n(.*?)\n```/s.exec(readFileSync(join(project, 'docs/runbook.md'), 'utf8')) ?? [];
    expect((await stack.query(query.replace('<job>', 'staged'))).length).toBeGreaterThan(8);
  });

  test('every target of the shipped configuration is up, and no alert fires', async () => {
    // Its own port is the system's choice here, and not the one in the file.
    const targets = await stack.query('up{job!="prometheus"}');
    expect(targets.map(({ metric }) => metric.job).sort()).toEqual([
      'alertmanager',
      'prom_sample',
      'prombatch_scheduler',
      'pushgateway',
    ]);
    expect(targets.map(({ value }) => value?.[1])).toEqual(Array(4).fill('1'));
    expect(await stack.query('ALERTS{alertstate="firing"}')).toEqual([]);
  });
});
