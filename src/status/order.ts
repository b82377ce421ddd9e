import { type JobView, PROBLEMS } from './job-view.js';

const byName = new Intl.Collator('en', { numeric: true });

/** The worst first, then by name in natural order (`shard 2` before `shard 10`), then by labels. */
export function compareJobs(a: JobView, b: JobView): number {
  return (
    severityOf(b) - severityOf(a) || compareTexts(a.job, b.job) || compareTexts(labelsOf(a), labelsOf(b))
  );
}

/** A worse problem outweighs all lesser ones together; of two jobs with the same worst one, the rest decides. */
function severityOf({ problems }: JobView): number {
  return problems.reduce((sum, problem) => sum + 2 ** (PROBLEMS.length - PROBLEMS.indexOf(problem)), 0);
}

/** The collator takes some different texts for equal; two groups never are. */
function compareTexts(a: string, b: string): number {
  return byName.compare(a, b) || (a < b ? -1 : a > b ? 1 : 0);
}

function labelsOf({ labels }: JobView): string {
  return JSON.stringify(Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1)));
}
