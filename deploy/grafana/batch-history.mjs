import {
  BarAlignment,
  GraphDrawStyle,
  StackingConfigBuilder,
  StackingMode,
} from '@grafana/grafana-foundation-sdk/common';
import { MappingType, RowBuilder } from '@grafana/grafana-foundation-sdk/dashboard';
import { build, dashboard, panel } from './panels.mjs';

const RUNS = 'job=~"$job", delivery="remote_write"';
const WHO = '{{job}} {{shard}} {{host}}';
/** Each run is one sample. `of` gives the samples of the whole time range, `from` those from a step to the next. */
const of = (family) => `${family}{${RUNS}}[$__range]`;
const from = (family) => `${family}{${RUNS}}[$__interval] offset -$__interval`;
const SUCCESS = 'batch_job_success';
const DURATION = 'batch_job_duration_seconds';
const RECORDS = 'batch_job_records_processed';
const RETIRED = `last_over_time(${of('batch_job_retired_timestamp_seconds')})`;
const LAST_START = `last_over_time(${of('batch_job_last_start_timestamp_seconds')})`;
/** The time of the retirement, of jobs that did not start again after it. */
const IS_RETIRED = `(${RETIRED} > ${LAST_START} or ${RETIRED} unless ${LAST_START})`;

/** What a month of runs says, of jobs that are delivered by remote write. */
export function batchHistoryDashboard() {
  const page = dashboard({
    uid: 'prombatch-batch-history',
    title: 'Batch history',
    description:
      'All runs of the time range, of jobs that are delivered by remote write: each run is one sample.',
    tags: ['prombatch'],
    jobs: 'label_values(batch_job_last_start_timestamp_seconds{delivery="remote_write"}, job)',
    manyJobs: true,
    from: 'now-30d',
    refresh: '5m',
  });
  const add = (built) => page.withPanel(built);

  page.withRow(new RowBuilder('The whole time range'));
  const total = (title, description, unit, expr, thresholds, runbook) =>
    add(
      panel('stat', {
        title,
        description: `${description} Retired jobs are among them.`,
        unit,
        width: 6,
        height: 4,
        instant: true,
        queries: [[expr, title]],
        thresholds,
        runbook,
      }),
    );
  const blue = [[null, 'blue']];
  total('Runs', 'Runs that ended.', 'short', `sum(count_over_time(${of(SUCCESS)}))`, blue);
  total(
    'Failed runs',
    'Runs that ended without success.',
    'short',
    `sum(count_over_time(${of(SUCCESS)})) - sum(sum_over_time(${of(SUCCESS)}))`,
    [
      [null, 'green'],
      [1, 'red'],
    ],
    'batchjobfailed',
  );
  const RATIO = [
    [null, 'red'],
    [0.9, 'orange'],
    [0.99, 'green'],
  ];
  total(
    'Success ratio',
    'Runs that succeeded, of all runs that ended.',
    'percentunit',
    `sum(sum_over_time(${of(SUCCESS)})) / sum(count_over_time(${of(SUCCESS)}))`,
    RATIO,
    'batchjobfailed',
  );
  total('Records', 'What all runs reported.', 'short', `sum(sum_over_time(${of(RECORDS)}))`, blue);

  const ofJobs = (expr) => [`${expr} unless ${IS_RETIRED}`, ''];
  add(
    panel('table', {
      title: 'Jobs',
      description:
        'Each job by its runs in the time range, without retired jobs. A job is a link to itself alone.',
      unit: 's',
      width: 24,
      height: 10,
      instant: true,
      queries: [
        ofJobs(`count_over_time(${of(SUCCESS)})`),
        ofJobs(`avg_over_time(${of(SUCCESS)})`),
        ofJobs(`quantile_over_time(0.5, ${of(DURATION)})`),
        ofJobs(`quantile_over_time(0.95, ${of(DURATION)})`),
        ofJobs(`max_over_time(${of(DURATION)})`),
        ofJobs(`sum_over_time(${of(RECORDS)})`),
        ofJobs(`1000 * last_over_time(${of('batch_job_last_success_timestamp_seconds')})`),
      ],
      table: {
        columns: [
          ['Runs', 'short'],
          ['Success ratio', 'percentunit'],
          ['Median duration', 's'],
          ['95th percentile', 's'],
          ['Longest', 's'],
          ['Records', 'short'],
          ['Last success', 'dateTimeAsIso'],
        ],
        without: ['delivery'],
        page: 'prombatch-batch-history',
      },
      runbook: 'batchjobfailed',
    }),
  );
  add(
    panel('table', {
      title: 'Retired jobs',
      description:
        'Jobs that were retired in the time range and have not started again, with their runs until then.',
      unit: 'dateTimeAsIso',
      width: 24,
      height: 5,
      instant: true,
      queries: [
        [`1000 * ${IS_RETIRED}`, ''],
        [`count_over_time(${of(SUCCESS)}) and ${IS_RETIRED}`, ''],
        [`avg_over_time(${of(SUCCESS)}) and ${IS_RETIRED}`, ''],
      ],
      table: {
        columns: [
          ['Retired', 'dateTimeAsIso'],
          ['Runs', 'short'],
          ['Success ratio', 'percentunit'],
        ],
        without: ['delivery'],
        page: 'prombatch-batch-history',
      },
    }),
  );

  page.withRow(new RowBuilder('Runs'));
  add(
    panel('statetimeline', {
      title: 'Runs by result',
      description:
        'A block stands at the time at which runs ended, however late they were delivered. It is red if one of them failed. No run ended in a gap.',
      unit: 'none',
      width: 24,
      height: 9,
      queries: [[`min_over_time(${from(SUCCESS)})`, WHO]],
      thresholds: [
        [null, 'red'],
        [1, 'green'],
      ],
      runbook: 'batchjobfailed',
    })
      // Wide enough to be seen: six hours of a month.
      .maxDataPoints(120)
      .mergeValues(false)
      .showValue('never')
      .lineWidth(0)
      .fillOpacity(80)
      .mappings([
        {
          type: MappingType.ValueToText,
          options: {
            0: { text: 'failed', color: 'red', index: 0 },
            1: { text: 'succeeded', color: 'green', index: 1 },
          },
        },
      ]),
  );
  const points = (title, description, expr, runbook) =>
    add(
      panel('timeseries', {
        title,
        description,
        unit: 's',
        width: 12,
        height: 8,
        min: 0,
        queries: [[expr, WHO]],
        runbook,
      })
        .drawStyle(GraphDrawStyle.Points)
        .pointSize(6),
    );
  points(
    'Late successes',
    'How long after its due time a job succeeded again, at the time of that success. Of several successes in a step it looks at the first: choose a shorter time range for jobs that run more often.',
    `min_over_time(${from('batch_job_last_success_timestamp_seconds')}) - last_over_time(batch_job_success_due_timestamp_seconds{${RUNS}}[62d]) > 0`,
    'batchjobnotsucceeding',
  );
  points(
    'Duration of runs',
    'How long each run took, at the time at which it ended. Of several runs in a step it shows the longest.',
    `max_over_time(${from(DURATION)})`,
    'batchjobslow',
  );
  add(
    panel('timeseries', {
      title: 'Durations of a week, by percentile',
      description: 'The median and the 95th percentile of the runs of the seven days before.',
      unit: 's',
      width: 12,
      height: 8,
      min: 0,
      queries: [0.5, 0.95].map((quantile) => [
        `quantile_over_time(${quantile}, ${DURATION}{${RUNS}}[7d])`,
        `${WHO} p${100 * quantile}`,
      ]),
      runbook: 'batchjobslow',
    }),
  );
  add(
    panel('timeseries', {
      title: 'Success ratio of a week',
      description: 'Runs that succeeded, of the runs of the seven days before.',
      unit: 'percentunit',
      width: 12,
      height: 8,
      min: 0,
      max: 1,
      queries: [[`avg_over_time(${SUCCESS}{${RUNS}}[7d])`, WHO]],
      runbook: 'batchjobfailed',
    }),
  );

  page.withRow(new RowBuilder('Days'));
  const days = (title, description, queries) =>
    panel('timeseries', {
      title,
      description: `${description} Today's bar grows until midnight.`,
      unit: 'short',
      width: 12,
      height: 8,
      min: 0,
      step: '1d',
      queries,
    })
      .drawStyle(GraphDrawStyle.Bars)
      .barAlignment(BarAlignment.After)
      .fillOpacity(80)
      .stacking(new StackingConfigBuilder().mode(StackingMode.Normal));
  const color = (fixedColor) => [{ id: 'color', value: { mode: 'fixed', fixedColor } }];
  add(
    days('Runs by day', 'Runs that ended, by result.', [
      [`sum(sum_over_time(${from(SUCCESS)}))`, 'succeeded'],
      [`sum(count_over_time(${from(SUCCESS)})) - sum(sum_over_time(${from(SUCCESS)}))`, 'failed'],
    ])
      .overrideByName('succeeded', color('green'))
      .overrideByName('failed', color('red')),
  );
  add(
    days('Records by day', 'What the runs of a day reported, by job.', [
      [`sum by (job) (sum_over_time(${from(RECORDS)}))`, '{{job}}'],
    ]),
  );
  return build(page);
}
