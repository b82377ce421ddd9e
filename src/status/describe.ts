import type { JobView } from './job-view.js';
import { printable } from './printable.js';

/** What a table of jobs shows of one, each part in words; '' is what is not known. */
export interface JobWords {
  /** The job with its grouping labels: `backup {host="db1"}`. */
  readonly name: string;
  readonly state: string;
  readonly lastSuccess: string;
  readonly due: string;
  /** How long the last run that ended took: what a run under way may be compared with. */
  readonly duration: string;
  readonly records: string;
  /** Whole sentences on what the columns do not say. */
  readonly notes: readonly string[];
}

export function describeJob(view: JobView): JobWords {
  const { lastSuccessAgeSeconds, durationSeconds, recordsProcessed } = view;
  return {
    name: describeName(view),
    state: describeState(view),
    lastSuccess:
      lastSuccessAgeSeconds === undefined
        ? view.problems.includes('never_succeeded')
          ? 'never'
          : ''
        : describeAge(lastSuccessAgeSeconds),
    due: describeDue(view),
    duration: durationSeconds === undefined ? '' : describeSpan(durationSeconds),
    records: recordsProcessed === undefined ? '' : String(recordsProcessed),
    notes: describeNotes(view),
  };
}

/** The job and its grouping labels on one line, whatever is in them. */
export function describeName({ job, labels }: Pick<JobView, 'job' | 'labels'>): string {
  const grouping = describeLabels(labels);
  return grouping === '' ? printable(job) : `${printable(job)} {${grouping}}`;
}

/** `host="db1", shard="3"`, by name. */
export function describeLabels(labels: Readonly<Record<string, string>>): string {
  return Object.entries(labels)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => `${printable(name)}=${quote(value)}`)
    .join(', ');
}

export function describeState({ state, exitCode, runningForSeconds = 0 }: JobView): string {
  switch (state) {
    case 'failed':
      return exitCode === undefined ? 'failed' : `failed, exit ${exitCode}`;
    case 'running':
      return `running for ${describeSpan(Math.floor(runningForSeconds))}`;
    case 'killed':
      return 'probably killed';
    case 'no_batch_metrics':
      return 'no batch metrics';
    default:
      return state;
  }
}

/** How the job's last run ended and what it did, for a single job: `succeeded, took 1.2s, 13 records`. */
export function describeOutcome(view: JobView): string {
  const { durationSeconds, recordsProcessed } = view;
  const ended = view.state === 'succeeded' || view.state === 'failed';
  return [
    describeState(view),
    ...(ended && durationSeconds !== undefined ? [`took ${describeSpan(durationSeconds)}`] : []),
    ...(ended && recordsProcessed !== undefined ? [`${recordsProcessed} records`] : []),
    ...(view.overdueSeconds === undefined ? [] : [describeDue(view)]),
    ...describeNotes(view),
  ].join(', ');
}

function describeDue({ dueInSeconds, overdueSeconds }: JobView): string {
  if (overdueSeconds !== undefined) return `overdue by ${describeSpan(Math.floor(overdueSeconds))}`;
  return dueInSeconds === undefined ? '' : `in ${describeSpan(Math.floor(dueInSeconds))}`;
}

function describeNotes(view: JobView): string[] {
  const { state, lastRunSucceeded, exitCode, runningForSeconds = 0 } = view;
  const notes: string[] = [];
  const open = state === 'running' || state === 'killed';
  if (state === 'killed') notes.push(`began ${describeAge(runningForSeconds)} and has told of no end`);
  if (open && lastRunSucceeded === false)
    notes.push(exitCode === undefined ? 'the run before failed' : `the run before failed, exit ${exitCode}`);
  if (view.problems.includes('metrics_rejected')) notes.push("the job's own metrics were rejected");
  if (view.problems.includes('push_refused')) notes.push(describeRefused(view));
  if (state === 'missing') notes.push('expected, and the gateway has no group of it');
  return notes;
}

function describeRefused({ lastPushAgeSeconds }: JobView): string {
  return lastPushAgeSeconds === undefined
    ? 'the gateway refused its push, and has taken none yet'
    : `the gateway refused a push; the last that it took was ${describeAge(lastPushAgeSeconds)}`;
}

/** By how much clocks may differ without a word of it. */
const CLOCK_SECONDS = 5;

/** `just now`, `3d4h ago`; `2h from now` of a clock that was ahead. */
export function describeAge(seconds: number): string {
  if (seconds < -CLOCK_SECONDS) return `${describeSpan(Math.floor(-seconds))} from now`;
  return seconds < 1 ? 'just now' : `${describeSpan(Math.floor(seconds))} ago`;
}

const UNITS = [
  ['y', 365 * 86_400],
  ['d', 86_400],
  ['h', 3600],
  ['m', 60],
  ['s', 1],
] as const;

/** A span of time in its two largest units: `350ms`, `1.3s`, `2m5s`, `3d4h`. */
export function describeSpan(seconds: number): string {
  if (seconds < 0) return `-${describeSpan(-seconds)}`;
  if (seconds === 0) return '0s';
  if (seconds < 0.9995) return `${Math.round(seconds * 1000)}ms`;
  if (seconds < 59.95) return `${Number(seconds.toFixed(1))}s`;
  const whole = Math.round(seconds);
  const at = UNITS.findIndex(([, size]) => whole >= size);
  const [large, size] = UNITS[at] ?? ['s', 1];
  const [small, part] = UNITS[at + 1] ?? ['s', 1];
  const rest = Math.floor((whole % size) / part);
  return `${Math.floor(whole / size)}${large}${rest > 0 && small !== large ? `${rest}${small}` : ''}`;
}

function quote(value: string): string {
  return `"${printable(value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n'))}"`;
}
