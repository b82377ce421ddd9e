import { type JobView, PROBLEMS, type Problem } from './job-view.js';

/** What jobs are counted by, and the page filters by: a problem, or a state that is none. */
export type Kind = Problem | 'running' | 'succeeded' | 'no_batch_metrics';

export const KINDS: readonly Kind[] = [...PROBLEMS, 'running', 'succeeded', 'no_batch_metrics'];

const WORDS: Readonly<Record<Kind, string>> = {
  missing: 'missing',
  failed: 'failed',
  killed: 'probably killed',
  overdue: 'overdue',
  never_succeeded: 'never succeeded',
  push_refused: 'with a refused push',
  metrics_rejected: 'with rejected metrics',
  running: 'running',
  succeeded: 'succeeded',
  no_batch_metrics: 'without batch metrics',
};

/** Whether a job is of a kind; it may be of several: failed and overdue. */
export function isOfKind({ problems, state }: JobView, kind: Kind): boolean {
  return state === kind || problems.some((problem) => problem === kind);
}

/** How many jobs are of each kind that there is, in the order of `KINDS`. */
export function countKinds(
  views: readonly JobView[],
): readonly { readonly kind: Kind; readonly word: string; readonly count: number }[] {
  return KINDS.map((kind) => ({
    kind,
    word: WORDS[kind],
    count: views.filter((view) => isOfKind(view, kind)).length,
  })).filter(({ count }) => count > 0);
}

/** `213 jobs: 3 failed, 1 overdue, 2 running`; who succeeded is not counted. */
export function headline(views: readonly JobView[]): string {
  const counts = countKinds(views).filter(({ kind }) => kind !== 'succeeded');
  const well = views.length > 0 && views.every(({ problems }) => problems.length === 0) ? ['all well'] : [];
  const parts = [...well, ...counts.map(({ count, word }) => `${count} ${word}`)];
  const jobs = views.length === 0 ? 'no jobs' : `${views.length} job${views.length === 1 ? '' : 's'}`;
  return parts.length === 0 ? jobs : `${jobs}: ${parts.join(', ')}`;
}
