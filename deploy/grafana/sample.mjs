import { build, dashboard, panel } from './panels.mjs';

const STATUS_CODES = [200, 201, 400, 403, 404, 500];
const JOB = 'job="$job"';

/** The tutorial's dashboard: its eleven panels, with 201, which it forgot, and the counter's rate. */
export function sampleDashboard() {
  const page = dashboard({
    uid: 'prombatch-sample',
    title: 'Sample',
    description: 'The five metrics of the sample: pushed by the batch job, or scraped from the loop.',
    tags: ['prombatch'],
    jobs: 'label_values(prom_sample_counter, job)',
    from: 'now-30m',
  });
  const add = (kind, options) => page.withPanel(panel(kind, options));
  add('timeseries', {
    title: 'Counter',
    description: 'How often the sample has ticked. Pushed, it goes on from run to run with --accumulate.',
    unit: 'short',
    width: 8,
    height: 8,
    queries: [[`prom_sample_counter{${JOB}}`, 'ticks']],
  });
  add('timeseries', {
    title: 'Ticks a minute',
    description: 'The rate of the counter. A run of the batch job brings thirteen ticks at once.',
    unit: 'short',
    width: 8,
    height: 8,
    min: 0,
    queries: [[`60 * sum(rate(prom_sample_counter{${JOB}}[5m]))`, 'ticks a minute']],
  });
  add('gauge', {
    title: 'Gauge',
    description: 'Goes from 0 to 10 and back again, a step each tick.',
    unit: 'short',
    width: 8,
    height: 8,
    min: 0,
    max: 10,
    queries: [[`prom_sample_gauge{${JOB}}`, 'gauge']],
  });
  add('timeseries', {
    title: 'Labeled gauge',
    description: 'The gauge, and twice and three times its value under the label id.',
    unit: 'short',
    width: 12,
    height: 8,
    queries: [
      [`prom_sample_labeled_gauge{${JOB}}`, 'id {{id}}'],
      [`prom_sample_gauge{${JOB}}`, 'gauge'],
    ],
  });
  add('timeseries', {
    title: 'Histogram',
    description:
      'Quantiles of the simulated durations of the last five minutes, from the buckets of all statuses.',
    unit: 'ms',
    width: 12,
    height: 8,
    min: 0,
    queries: ['0.5', '0.9', '0.99'].map((quantile) => [
      `histogram_quantile(${quantile}, sum by (le) (rate(prom_sample_histogram_bucket{${JOB}}[5m])))`,
      `${quantile} quantile`,
    ]),
  });
  add('timeseries', {
    title: 'Summary',
    description:
      'The median of the simulated durations by status, as the sample itself reckons it. It cannot be added up.',
    unit: 'ms',
    width: 12,
    height: 8,
    min: 0,
    queries: [[`prom_sample_summary{${JOB}, quantile="0.5"}`, '{{status_code}}']],
  });
  add('timeseries', {
    title: 'Average duration',
    description: 'The average of the simulated durations of the last five minutes, by status.',
    unit: 'ms',
    width: 12,
    height: 8,
    min: 0,
    queries: [
      [
        `sum by (status_code) (rate(prom_sample_histogram_sum{${JOB}}[5m])) / sum by (status_code) (rate(prom_sample_histogram_count{${JOB}}[5m]))`,
        '{{status_code}}',
      ],
    ],
  });
  for (const status of STATUS_CODES) {
    add('stat', {
      title: String(status),
      description: `How many simulated requests ended with ${status}.`,
      unit: 'short',
      width: 4,
      height: 5,
      // Not a state: Grafana would colour it red above 80.
      thresholds: [[null, 'blue']],
      queries: [[`sum(prom_sample_histogram_count{${JOB}, status_code="${status}"})`, String(status)]],
    });
  }
  return build(page);
}
