import type { GatewayGroup } from '../exposition/api-groups.js';
import { type JobView, type JobViewOptions, viewJob, viewMissing } from './job-view.js';
import { compareJobs } from './order.js';

/** Which jobs are looked at, and what is expected of them. */
export interface Selection extends JobViewOptions {
  /** A name, or a pattern in which `*` is any text and `?` any character; without it, every job. */
  readonly job?: string | undefined;
  /** Labels that a group must have. */
  readonly grouping?: readonly (readonly [name: string, value: string])[];
  /** Names of jobs that must be there. */
  readonly expected?: readonly string[];
}

/** A job as it is shown, with the group that it was seen in; a missing job has none. */
export interface JobRow {
  readonly view: JobView;
  readonly group?: GatewayGroup;
}

/** The selected jobs and the expected ones that are missing, the worst first. */
export function viewJobs(
  groups: readonly GatewayGroup[],
  nowSeconds: number,
  selection: Selection = {},
): JobRow[] {
  const { expected = [] } = selection;
  const inGrouping = groups.filter((group) => hasLabels(group, selection.grouping ?? []));
  const present = new Set(inGrouping.map(jobOf));
  const missing = [...new Set(expected)].filter((job) => !present.has(job));
  const rows: JobRow[] = [
    ...selectGroups(inGrouping, selection).map((group) => ({
      view: viewJob(group, nowSeconds, selection),
      group,
    })),
    ...missing.map((job) => ({ view: viewMissing(job) })),
  ];
  return rows.sort((a, b) => compareJobs(a.view, b.view));
}

/** The groups whose job matches the pattern and that have the labels. */
export function selectGroups(
  groups: readonly GatewayGroup[],
  { job, grouping = [] }: Pick<Selection, 'job' | 'grouping'>,
): readonly GatewayGroup[] {
  const matches = job === undefined ? () => true : createMatcher(job);
  return groups.filter((group) => matches(jobOf(group)) && hasLabels(group, grouping));
}

/** Whether a text is of a pattern's form: `*` is any text, `?` any character. */
export function createMatcher(pattern: string): (text: string) => boolean {
  const source = pattern.replace(/[\\^$.*+?()[\]{}|/-]/g, (mark) =>
    mark === '*' ? '.*' : mark === '?' ? '.' : `\\${mark}`,
  );
  const form = new RegExp(`^${source}$`, 'su');
  return (text) => form.test(text);
}

function jobOf({ labels }: GatewayGroup): string {
  return labels.find(([name]) => name === 'job')?.[1] ?? '';
}

function hasLabels({ labels }: GatewayGroup, wanted: readonly (readonly [string, string])[]): boolean {
  return wanted.every(([name, value]) => labels.some(([label, held]) => label === name && held === value));
}
