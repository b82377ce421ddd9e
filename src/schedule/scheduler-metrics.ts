import type { MetricFamily } from '../exposition/family.js';
import { version } from '../version.js';
import type { SchedulerState } from './scheduler.js';

/**
 * What a scheduler tells of itself, beside what its runs push. The label `batch_job` says whose schedule it is: a
 * label `job` would be taken for that of the scrape.
 */
export function schedulerFamilies(job: string, state: SchedulerState, spooled: number): MetricFamily[] {
  const family = (
    name: string,
    type: 'counter' | 'gauge',
    help: string,
    values: readonly (readonly [value: number | undefined, ...labels: (readonly [string, string])[]])[],
  ): MetricFamily => ({
    name,
    help,
    type,
    samples: values.flatMap(([value, ...labels]) =>
      value === undefined ? [] : [{ name, labels: [['batch_job', job], ...labels], value }],
    ),
  });
  const seconds = (ms: number | undefined) => (ms === undefined ? undefined : ms / 1000);
  const families = [
    family(
      'prombatch_scheduler_runs_total',
      'counter',
      'Runs that have ended, by how they ended.',
      Object.entries(state.runs).map(([outcome, count]) => [count, ['outcome', outcome]] as const),
    ),
    family(
      'prombatch_scheduler_skipped_runs_total',
      'counter',
      'Ticks at which the run before was not over.',
      [[state.skipped]],
    ),
    family('prombatch_scheduler_missed_runs_total', 'counter', 'Ticks that came too late to be acted on.', [
      [state.missed],
    ]),
    family('prombatch_scheduler_running', 'gauge', 'Whether a run is under way: 1 or 0.', [
      [state.running ? 1 : 0],
    ]),
    family(
      'prombatch_scheduler_next_run_timestamp_seconds',
      'gauge',
      'When the next tick is planned, as seconds since the epoch.',
      [[seconds(state.nextTickMs)]],
    ),
    family(
      'prombatch_push_failures_total',
      'counter',
      'Runs whose metrics did not reach the gateway, or not all.',
      [[state.pushFailures]],
    ),
    family('prombatch_spooled_entries', 'gauge', 'End pushes of the job that wait in the spool.', [
      [spooled],
    ]),
    family(
      'prombatch_last_delivery_timestamp_seconds',
      'gauge',
      "When the gateway last took a run's metrics, as seconds since the epoch.",
      [[seconds(state.lastDeliveryMs)]],
    ),
    family('prombatch_build_info', 'gauge', 'Always 1; the version of prombatch and of Node.', [
      [1, ['version', version], ['node_version', process.versions.node]],
    ]),
  ];
  return families.filter(({ samples }) => samples.length > 0);
}
