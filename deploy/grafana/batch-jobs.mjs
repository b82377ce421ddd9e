import { RowBuilder } from '@grafana/grafana-foundation-sdk/dashboard';
import { build, dashboard, panel } from './panels.mjs';

const JOB = 'job=~"$job"';
const OWN_JOB = 'batch_job=~"$job"';
/** Who a series is of: the job and, where there are such, the labels that people group by. */
const WHO = '{{job}} {{batch_job}} {{shard}} {{host}}';
const GOOD_IS_ZERO = [
  [null, 'green'],
  [1, 'red'],
];

/** All batch jobs at a glance, and each by itself. */
export function batchJobsDashboard() {
  const page = dashboard({
    uid: 'prombatch-batch-jobs',
    title: 'Batch jobs',
    description: 'What batch jobs push about their runs, and how their Pushgateway and schedulers are.',
    tags: ['prombatch'],
    jobs: 'label_values(batch_job_last_start_timestamp_seconds, job)',
    manyJobs: true,
    from: 'now-24h',
  });
  const add = (kind, options) => page.withPanel(panel(kind, options));

  page.withRow(new RowBuilder('At a glance'));
  const count = (title, description, expr, runbook, thresholds = GOOD_IS_ZERO) =>
    add('stat', {
      title,
      description,
      unit: 'short',
      width: 4,
      height: 4,
      queries: [[`count(${expr}) or vector(0)`, title]],
      thresholds,
      runbook,
    });
  count(
    'Jobs',
    'Groups that a job has pushed.',
    `batch_job_last_start_timestamp_seconds{${JOB}}`,
    undefined,
    [[null, 'blue']],
  );
  count('Failed', 'Jobs whose last run failed.', `batch_job_success{${JOB}} == 0`, 'batchjobfailed');
  count(
    'Overdue',
    'Jobs that should have succeeded again by now. One late or failed run is forgiven.',
    `time() > batch_job_success_due_timestamp_seconds{${JOB}}`,
    'batchjobnotsucceeding',
  );
  count(
    'Without an end',
    'Jobs that began after they last ended, or never ended: they run now, or were killed.',
    `(batch_job_last_start_timestamp_seconds{${JOB}} > batch_job_last_completion_timestamp_seconds{${JOB}}) or (batch_job_last_start_timestamp_seconds{${JOB}} unless batch_job_last_completion_timestamp_seconds{${JOB}})`,
    'batchjobkilled',
    [
      [null, 'green'],
      [1, 'blue'],
    ],
  );
  count(
    'Metrics rejected',
    'Jobs whose own metrics were not stored, or not all.',
    `batch_job_metrics_rejected{${JOB}} == 1`,
    'batchmetricsrejected',
  );
  count(
    'Pushes failing',
    'Groups whose last push the gateway refused.',
    `push_failure_time_seconds{${JOB}} > push_time_seconds{${JOB}}`,
    'pushfailing',
  );

  add('table', {
    title: 'All jobs',
    description:
      'Each job with its last success, the time left until the next is due, and its last run. A job is a link to itself alone.',
    unit: 's',
    width: 24,
    height: 10,
    instant: true,
    // What is reckoned has no name, and lines are joined by all labels, the name among them.
    queries: [
      [`time() - batch_job_last_success_timestamp_seconds{${JOB}}`, ''],
      [`batch_job_success_due_timestamp_seconds{${JOB}} - time()`, ''],
      [`batch_job_success{${JOB}} + 0`, ''],
      [`batch_job_exit_code{${JOB}} + 0`, ''],
      [`batch_job_duration_seconds{${JOB}} + 0`, ''],
      [`batch_job_records_processed{${JOB}} + 0`, ''],
    ],
    table: {
      columns: [
        ['Since the last success', 's'],
        ['Left until due', 's'],
        ['Succeeded', 'bool_yes_no'],
        ['Exit code', 'none'],
        ['Duration', 's'],
        ['Records', 'short'],
      ],
    },
    runbook: 'batchjobnotsucceeding',
  });

  const seconds = (title, description, expr, runbook, thresholds) =>
    add('timeseries', {
      title,
      description,
      unit: 's',
      width: 12,
      height: 8,
      queries: [[expr, WHO]],
      runbook,
      thresholds,
    });
  page.withRow(new RowBuilder('Success'));
  add('statetimeline', {
    title: 'Outcome of the last run',
    description: '1 where the last run succeeded, 0 where it failed, over time.',
    unit: 'bool',
    width: 24,
    height: 8,
    queries: [[`batch_job_success{${JOB}}`, WHO]],
    thresholds: [
      [null, 'red'],
      [1, 'green'],
    ],
    runbook: 'batchjobfailed',
  });
  seconds(
    'Time since the last success',
    'How long ago each job last succeeded. A saw: it falls with each success.',
    `time() - batch_job_last_success_timestamp_seconds{${JOB}}`,
    'batchjobnotsucceeding',
  );
  seconds(
    'Time left until a success is due',
    'Below zero, the alert BatchJobNotSucceeding fires.',
    `batch_job_success_due_timestamp_seconds{${JOB}} - time()`,
    'batchjobnotsucceeding',
    [
      [null, 'red'],
      [0, 'green'],
    ],
  );
  add('timeseries', {
    title: 'Exit code',
    description:
      'Of the last run: 124 is its deadline, 126 and 127 a command that could not be started, 128+n signal n.',
    unit: 'none',
    width: 12,
    height: 8,
    min: 0,
    queries: [[`batch_job_exit_code{${JOB}}`, WHO]],
    runbook: 'batchjobfailed',
  });
  seconds(
    'Since a start without an end',
    'How long ago the runs began that have told of no end; 0 where there is none.',
    `(time() - batch_job_last_start_timestamp_seconds{${JOB}}) * (batch_job_last_start_timestamp_seconds{${JOB}} > bool batch_job_last_completion_timestamp_seconds{${JOB}})`,
    'batchjobkilled',
  );

  page.withRow(new RowBuilder('Work'));
  add('timeseries', {
    title: 'Duration',
    description: 'How long the last run took, and the average of the last day to compare it with.',
    unit: 's',
    width: 12,
    height: 8,
    min: 0,
    queries: [
      [`batch_job_duration_seconds{${JOB}}`, WHO],
      [`avg_over_time(batch_job_duration_seconds{${JOB}}[1d])`, `${WHO} (a day's average)`],
    ],
    runbook: 'batchjobslow',
  });
  add('timeseries', {
    title: 'Stages',
    description: 'How long each stage of the last run took, for jobs that name their stages.',
    unit: 's',
    width: 12,
    height: 8,
    min: 0,
    queries: [[`batch_job_stage_duration_seconds{${JOB}}`, '{{job}} {{stage}}']],
    runbook: 'batchjobslow',
  });
  add('timeseries', {
    title: 'Records processed',
    description: 'What the last run reported, for jobs that report it.',
    unit: 'short',
    width: 12,
    height: 8,
    min: 0,
    queries: [[`batch_job_records_processed{${JOB}}`, WHO]],
  });
  add('table', {
    title: 'Versions',
    description: 'The version of prombatch that last ran each job.',
    unit: 'none',
    width: 12,
    height: 8,
    instant: true,
    queries: [[`batch_job_info{${JOB}}`, '']],
    table: { columns: [['', 'none']] },
  });

  page.withRow(new RowBuilder('Gateway'));
  add('stat', {
    title: 'Pushgateway',
    description: '1 while Prometheus can scrape it.',
    unit: 'bool_on_off',
    width: 4,
    height: 8,
    queries: [['up{job="pushgateway"}', '{{instance}}']],
    thresholds: [
      [null, 'red'],
      [1, 'green'],
    ],
    runbook: 'pushgatewaydown',
  });
  add('timeseries', {
    title: 'Groups',
    description:
      'Groups never expire: a line that climbs with each run is a grouping label that is new with each.',
    unit: 'short',
    width: 10,
    height: 8,
    min: 0,
    queries: [[`count by (job) (push_time_seconds{${JOB}})`, '{{job}}']],
    runbook: 'pushgatewaygroupsgrowing',
  });
  add('timeseries', {
    title: 'Requests to the gateway',
    description: 'By what they ask for and how they are answered; 400 is a push that was refused.',
    unit: 'reqps',
    width: 10,
    height: 8,
    min: 0,
    queries: [['sum by (handler, code) (rate(pushgateway_http_requests_total[5m]))', '{{handler}} {{code}}']],
    runbook: 'pushfailing',
  });

  page.withRow(new RowBuilder('Schedulers'));
  add('timeseries', {
    title: 'Scheduled runs',
    description: 'Runs of the last hour by how they ended, and ticks that were skipped or missed.',
    unit: 'short',
    width: 12,
    height: 8,
    min: 0,
    queries: [
      [
        `sum by (batch_job, outcome) (increase(prombatch_scheduler_runs_total{${OWN_JOB}}[1h]))`,
        '{{batch_job}} {{outcome}}',
      ],
      [
        `sum by (batch_job) (increase(prombatch_scheduler_skipped_runs_total{${OWN_JOB}}[1h]))`,
        '{{batch_job}} skipped',
      ],
      [
        `sum by (batch_job) (increase(prombatch_scheduler_missed_runs_total{${OWN_JOB}}[1h]))`,
        '{{batch_job}} missed',
      ],
    ],
  });
  add('timeseries', {
    title: 'What could not be delivered',
    description:
      'Runs of the last hour whose metrics did not reach the gateway, and what waits in the spool.',
    unit: 'short',
    width: 12,
    height: 8,
    min: 0,
    queries: [
      [
        `sum by (batch_job) (increase(prombatch_push_failures_total{${OWN_JOB}}[1h]))`,
        '{{batch_job}} push failures',
      ],
      [`prombatch_spooled_entries{${OWN_JOB}}`, '{{batch_job}} in the spool'],
    ],
    runbook: 'pushfailing',
  });
  return build(page);
}
