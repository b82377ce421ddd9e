// What the panels of all dashboards have in common.
import {
  GraphThresholdsStyleConfigBuilder,
  GraphThresholdsStyleMode,
  LegendDisplayMode,
  LegendPlacement,
  ReduceDataOptionsBuilder,
  VizLegendOptionsBuilder,
} from '@grafana/grafana-foundation-sdk/common';
import {
  ConstantVariableBuilder,
  DashboardBuilder,
  DashboardLinkBuilder,
  DashboardLinkType,
  DatasourceVariableBuilder,
  FieldColorBuilder,
  FieldColorModeId,
  QueryVariableBuilder,
  ThresholdsConfigBuilder,
  ThresholdsMode,
  VariableRefresh,
} from '@grafana/grafana-foundation-sdk/dashboard';
import { PanelBuilder as Gauge } from '@grafana/grafana-foundation-sdk/gauge';
import { DataqueryBuilder, PromQueryFormat } from '@grafana/grafana-foundation-sdk/prometheus';
import { PanelBuilder as Stat } from '@grafana/grafana-foundation-sdk/stat';
import { PanelBuilder as StateTimeline } from '@grafana/grafana-foundation-sdk/statetimeline';
import { PanelBuilder as Table } from '@grafana/grafana-foundation-sdk/table';
import { PanelBuilder as Timeseries } from '@grafana/grafana-foundation-sdk/timeseries';

const KINDS = {
  gauge: Gauge,
  stat: Stat,
  statetimeline: StateTimeline,
  table: Table,
  timeseries: Timeseries,
};
// biome-ignore lint/suspicious/noTemplateCurlyInString: Grafana fills it in.
export const datasource = { type: 'prometheus', uid: '${datasource}' };

/** To the variable `runbook`: the compose file puts the runbook where Grafana serves it. */
const runbookLink = (anchor) =>
  new DashboardLinkBuilder('Runbook')
    .type(DashboardLinkType.Link)
    .url(`\${runbook}${anchor === undefined ? '' : `#${anchor}`}`)
    .targetBlank(true);

/** @typedef {{ columns: string[][], without?: string[], page?: string }} TableOptions */

/**
 * A panel of a kind, with its queries as [expression, legend] pairs. `width` is in 24ths of the page, `height` in
 * Grafana's rows. Queries are asked over the time range, a `step` apart at least, or with `instant` at its end alone.
 *
 * @param {keyof typeof KINDS} kind
 * @param {{ title: string, description: string, unit: string, width: number, height: number, queries: any[],
 *   instant?: boolean, step?: string, min?: number, max?: number, thresholds?: any[],
 *   table?: TableOptions, runbook?: string }} options
 * @returns {any} the builder of its kind
 */
export function panel(
  kind,
  { title, description, unit, width, height, queries, instant, step, min, max, thresholds, table, runbook },
) {
  /** @type {any} */
  const builder = new KINDS[kind]()
    .title(title)
    .description(description)
    .unit(unit)
    .datasource(datasource)
    .span(width)
    .height(height)
    .links([runbookLink(runbook)]);
  if (kind === 'stat' || kind === 'gauge') {
    builder.reduceOptions(new ReduceDataOptionsBuilder().calcs(['lastNotNull']));
  }
  if (kind === 'timeseries' || kind === 'statetimeline') {
    builder.legend(
      new VizLegendOptionsBuilder()
        .showLegend(true)
        .displayMode(LegendDisplayMode.List)
        .placement(LegendPlacement.Bottom),
    );
  }
  if (min !== undefined) builder.min(min);
  if (max !== undefined) builder.max(max);
  if (thresholds) {
    // Without it Grafana takes the kind's own colours, for a state timeline the wrong way round.
    builder.colorScheme(new FieldColorBuilder().mode(FieldColorModeId.Thresholds));
    if (kind === 'timeseries') {
      builder.thresholdsStyle(
        new GraphThresholdsStyleConfigBuilder().mode(GraphThresholdsStyleMode.LineAndArea),
      );
      builder.colorScheme(new FieldColorBuilder().mode(FieldColorModeId.PaletteClassic));
    }
    builder.thresholds(
      new ThresholdsConfigBuilder()
        .mode(ThresholdsMode.Absolute)
        .steps(thresholds.map(([value, color]) => ({ value, color }))),
    );
  }
  if (table) asTable(builder, table);
  queries.forEach(([expr, legend], index) => {
    const query = new DataqueryBuilder()
      .expr(expr)
      .legendFormat(legend)
      .refId(String.fromCharCode(65 + index))
      .datasource(datasource);
    if (instant) query.instant();
    else query.range();
    if (table) query.format(PromQueryFormat.Table);
    if (step) query.interval(step);
    builder.withTarget(query);
  });
  return builder;
}

/**
 * A table of one line for each job: its queries side by side, as [name, unit] of each; no name leaves it out. `without`
 * names labels that are no column, and `page` is the dashboard that shows a job alone.
 *
 * @param {any} builder
 * @param {TableOptions} options
 */
function asTable(builder, { columns, without = [], page = 'prombatch-batch-jobs' }) {
  const names = columns.map(([name], index) => [`Value #${String.fromCharCode(65 + index)}`, name]);
  builder.withTransformation({ id: 'merge', options: {} });
  builder.withTransformation({
    id: 'organize',
    options: {
      excludeByName: {
        Time: true,
        __name__: true,
        instance: true,
        ...Object.fromEntries(without.map((label) => [label, true])),
        ...(columns.length === 1 ? { Value: true } : {}),
      },
      renameByName: columns.length === 1 ? {} : Object.fromEntries(names),
    },
  });
  for (const [name, unit] of columns) {
    if (name !== '') builder.overrideByName(name, [{ id: 'unit', value: unit }]);
  }
  builder.overrideByName('job', [
    {
      id: 'links',
      value: [{ title: 'This job alone', url: `/d/${page}?var-job=\${__value.text}` }],
    },
  ]);
}

/** A dashboard with the variables `datasource` and `job`; `jobs` is the query that finds the values of `job`. */
export function dashboard({ uid, title, description, tags, jobs, manyJobs = false, from, refresh = '30s' }) {
  const job = new QueryVariableBuilder('job')
    .label('Job')
    .datasource(datasource)
    .query(jobs)
    .refresh(VariableRefresh.OnTimeRangeChanged)
    .sort(1);
  if (manyJobs) job.multi(true).includeAll(true).allValue('.+').current({ text: 'All', value: '$__all' });
  return new DashboardBuilder(title)
    .uid(uid)
    .description(description)
    .tags(tags)
    .time({ from, to: 'now' })
    .refresh(refresh)
    .timezone('browser')
    .tooltip(1)
    .link(
      new DashboardLinkBuilder('Other dashboards of prombatch')
        .type(DashboardLinkType.Dashboards)
        .tags(['prombatch'])
        .asDropdown(true)
        .includeVars(false)
        .keepTime(true),
    )
    .withVariable(
      new DatasourceVariableBuilder('datasource')
        .label('Data source')
        .type('prometheus')
        .current({ text: 'Prometheus', value: 'prometheus' }),
    )
    .withVariable(job)
    .withVariable(new ConstantVariableBuilder('runbook').value('/public/runbook.md'));
}

/** The dashboard as JSON has it, with a number for each panel. */
export function build(builder) {
  const built = builder.build();
  let id = 0;
  for (const each of built.panels) each.id = ++id;
  return JSON.parse(JSON.stringify({ ...built, id: null, annotations: { list: [] } }));
}
