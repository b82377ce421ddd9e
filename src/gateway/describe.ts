import { writeLabels, formatValue as writeValue } from '../exposition/write.js';
import { describeName, describeOutcome } from '../status/describe.js';
import { viewJob } from '../status/job-view.js';
import { printable } from '../status/printable.js';
import { type Metric, toFamily } from './metric.js';
import { ownLabels, toGatewayGroup } from './render.js';
import { type Group, PUSH_FAILURE_TIME, PUSH_TIME } from './store.js';

/** A group's labels and its samples by name and own labels; the push times are left out. */
export function describeGroup(group: Group): {
  labels: Record<string, string>;
  samples: Record<string, number>;
} {
  const samples = ownFamilies(group)
    .flatMap((family) => toFamily(family).samples)
    .map(({ name, labels, value }) => [name + writeLabels(ownLabels(labels, group)), value]);
  return { labels: Object.fromEntries(group.labels), samples: Object.fromEntries(samples) };
}

/**
 * The groups for people: first how each job is, then a line a metric, histograms and summaries as their count and sum. Of
 * pushes it says only what is wrong with them.
 */
export function formatGroups(url: string, groups: readonly Group[], nowSeconds: number): string {
  const jobs = groups
    .map((group) => viewJob(toGatewayGroup(group), nowSeconds))
    .map((view) => `${describeName(view)}: ${describeOutcome(view)}\n`);
  const head = `\n${url} holds ${groups.length} group${groups.length === 1 ? '' : 's'}\n`;
  return [...jobs, head, ...groups.map(formatGroup)].join('');
}

/** What a screen can show of a group; the rest is on the page. */
const MOST_ROWS = 200;

function formatGroup(group: Group): string {
  const metrics = ownFamilies(group).flatMap(({ name, type, metrics }) =>
    metrics.map((metric) => ({ name, type, metric })),
  );
  const rows = metrics
    .slice(0, MOST_ROWS)
    .map(({ name, type, metric }) => [
      name + writeLabels(ownLabels(metric.labels, group)),
      type,
      formatValue(name, metric),
    ]);
  const widths = [0, 1].map((column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  const lines = rows.map(
    (row) => `  ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  ')}`,
  );
  if (metrics.length > rows.length) lines.push(`  … and ${metrics.length - rows.length} more`);
  return ['', writeLabels(group.labels), ...lines, ''].map((line) => printable(line)).join('\n');
}

function formatValue(name: string, { value }: Metric): string {
  if (value.kind !== 'single') return `count ${value.count}, sum ${value.sum}`;
  const time =
    name.endsWith('_timestamp_seconds') && value.value > 0 ? new Date(value.value * 1000) : undefined;
  // Not every number is a time that a date can hold.
  return time && !Number.isNaN(time.getTime()) ? time.toISOString() : writeValue(value.value);
}

function ownFamilies({ families }: Group) {
  return [...families.values()]
    .filter(({ name }) => name !== PUSH_TIME && name !== PUSH_FAILURE_TIME)
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}
