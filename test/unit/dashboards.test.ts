import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { type Dashboard, dashboards, panelsOf } from '../support/dashboards.js';

const project = fileURLToPath(new URL('../..', import.meta.url));

test('the dashboards are what their sources make', async () => {
  for (const [name, source, make] of [
    ['sample', 'sample.mjs', 'sampleDashboard'],
    ['batch-jobs', 'batch-jobs.mjs', 'batchJobsDashboard'],
    ['batch-history', 'batch-history.mjs', 'batchHistoryDashboard'],
  ] as const) {
    const made = (await import(join(project, 'deploy/grafana', source))) as Record<string, () => Dashboard>;
    expect(made[make]?.()).toEqual(dashboards()[name]);
  }
  expect(readdirSync(join(project, 'deploy/grafana/dashboards')).sort()).toEqual([
    'batch-history.json',
    'batch-jobs.json',
    'sample.json',
  ]);
});

test("the sample's dashboard has the tutorial's panels, and 201", () => {
  const titles = panelsOf(dashboards().sample).map(({ title }) => title);
  for (const title of ['Counter', 'Gauge', 'Labeled gauge', 'Histogram', 'Summary', 'Average duration'])
    expect(titles).toContain(title);
  for (const status of ['200', '201', '400', '403', '404', '500']) expect(titles).toContain(status);
});

test('the history asks for each run once: by the direct road, in steps that neither overlap nor leave a gap', () => {
  const exprs = panelsOf(dashboards()['batch-history']).flatMap(({ targets = [] }) =>
    targets.map(({ expr }) => expr),
  );
  for (const expr of exprs) {
    for (const selector of expr.match(/batch_job_\w+\{[^}]*\}/g) ?? [])
      expect(selector).toContain('delivery="remote_write"');
    for (const range of expr.match(/\[\$__interval\].{0,7}/g) ?? [])
      expect(range, expr).toBe('[$__interval] offset');
    // Without a range, a run is seen for five minutes only.
    expect(expr).not.toMatch(/\}(?!\[)/);
  }
});

test('a block of the history is failed or succeeded, in words and in colour', () => {
  const [timeline] = panelsOf(dashboards()['batch-history']).filter(({ type }) => type === 'state-timeline');
  expect(timeline?.fieldConfig?.defaults.mappings).toEqual([
    {
      type: 'value',
      options: {
        0: { text: 'failed', color: 'red', index: 0 },
        1: { text: 'succeeded', color: 'green', index: 1 },
      },
    },
  ]);
  expect(timeline?.options).toMatchObject({
    mergeValues: false,
    showValue: 'never',
    legend: { showLegend: true },
  });
});

// biome-ignore lint/suspicious/noTemplateCurlyInString: Grafana fills it in.
const UID = '${datasource}';

/**
 * The rules of grafana/dashboard-linter that apply. Those that do not:
 * - template-instance-rule, target-instance-rule: what a batch job pushes has no instance (Prometheus' own guidance);
 * - target-rate-interval-rule: a pushed counter moves once a run, not once a scrape; an interval of a few scrapes
 *   would mostly see it stand still.
 */
describe.each(Object.entries(dashboards()))('%s', (_, dashboard) => {
  const panels = panelsOf(dashboard);
  const targets = panels.flatMap(({ title, targets: own = [] }) =>
    own.map((target) => ({ title, ...target })),
  );

  test('has the variables datasource and job, which are read anew with the time range', () => {
    const variables = new Map(dashboard.templating.list.map((variable) => [variable.name, variable]));
    expect(variables.get('datasource')).toMatchObject({
      type: 'datasource',
      query: 'prometheus',
      label: 'Data source',
    });
    expect(variables.get('job')).toMatchObject({
      type: 'query',
      refresh: 2,
      datasource: { uid: UID },
    });
    expect(variables.get('job')?.query).toMatch(/^label_values\(\w+(?:\{[^}]+\})?, job\)$/);
  });

  test('each panel has a title, a description, a unit, the data source and a link to the runbook', () => {
    expect(panels.length).toBeGreaterThan(10);
    for (const panel of panels) {
      expect(panel.title).toMatch(/\S/);
      expect(panel.description, panel.title).toMatch(/\.$/);
      expect(panel.fieldConfig?.defaults.unit, panel.title).toMatch(/\S/);
      expect(panel.datasource, panel.title).toEqual({ type: 'prometheus', uid: UID });
      expect(panel.targets?.length, panel.title).toBeGreaterThan(0);
      expect(panel.links?.[0]?.url, panel.title).toMatch(/^\$\{runbook\}/);
    }
  });

  test('states have their own colours, and counts none that Grafana makes up', () => {
    for (const { type, title, fieldConfig } of panels) {
      if (type !== 'state-timeline' && type !== 'stat') continue;
      expect(fieldConfig?.defaults.color, title).toEqual({ mode: 'thresholds' });
      expect(fieldConfig?.defaults.thresholds?.steps.length, title).toBeGreaterThan(0);
    }
  });

  test('each link leads to a part of the runbook that is there', () => {
    const runbook = readFileSync(join(project, 'docs/runbook.md'), 'utf8').toLowerCase();
    for (const { links } of panels) {
      const anchor = links?.[0]?.url?.split('#')[1];
      if (anchor !== undefined) expect(runbook).toContain(`\n## ${anchor}\n`);
    }
  });

  test('each query knows the job, but those on the servers themselves', () => {
    const SERVERS = /pushgateway_http_requests_total|^up\{job="pushgateway"\}$/;
    for (const { title, expr } of targets) {
      if (SERVERS.test(expr)) continue;
      for (const selector of expr.match(/(?:batch_job_|prom_sample_|push_|prombatch_)\w+(\{[^}]*\})?/g) ??
        []) {
        expect(selector, title).toMatch(/\{(?:batch_)?job(?:=|=~)"\$job"/);
      }
    }
  });

  test('counters are seen by their rate, and no query depends on how a bound is written', () => {
    for (const { title, expr } of targets) {
      for (const counter of expr.match(/\w+_total\b/g) ?? [])
        expect(expr, title).toMatch(new RegExp(`(?:rate|increase)\\(${counter}`));
      expect(expr, title).not.toMatch(/\ble=/);
    }
  });

  test('panels and queries have their own numbers and letters', () => {
    const ids = dashboard.panels.map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    for (const { targets: own = [] } of panels) {
      const letters = own.map(({ refId }) => refId);
      expect(new Set(letters).size).toBe(letters.length);
    }
    expect(dashboard.schemaVersion).toBeGreaterThanOrEqual(42);
    for (const { type } of panels) expect(['graph', 'singlestat']).not.toContain(type);
  });
});
