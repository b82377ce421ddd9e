/**
 * Where others read a cron expression in another way than node-cron does, or do not read it at all: Kubernetes
 * (robfig/cron v3) and system cron (Debian's vixie cron). For people, one sentence each.
 */
export function dialectDifferences(expression: string): string[] {
  if (/^@(?!([a-z]+)$)/.test(expression.trim()))
    return ['a name with capitals: node-cron knows it; Kubernetes and system cron know small letters'];
  const fields = expression.trim().split(/\s+/);
  if (fields.length < 5) return [];
  const [seconds, minute = '', hour = '', dayOfMonth = '', month = '', dayOfWeek = ''] =
    fields.length === 6 ? fields : [undefined, ...fields];
  const differences: string[] = [];
  if (isRestricted(dayOfMonth) && isRestricted(dayOfWeek)) {
    const stepped = [dayOfMonth, dayOfWeek].some((field) => field.startsWith('*'));
    const others = stepped
      ? 'Kubernetes if either does; system cron as node-cron'
      : 'Kubernetes and system cron if either does';
    differences.push(`days: node-cron runs if "${dayOfMonth}" and "${dayOfWeek}" both match; ${others}`);
  }
  if (seconds !== undefined) {
    differences.push(
      'seconds: node-cron takes a sixth field in front; Kubernetes and system cron take five fields',
    );
  }
  if (
    /[LW#]/i.test(dayOfMonth.replace(/[a-z]{3,}/gi, '')) ||
    /[L#]/i.test(dayOfWeek.replace(/[a-z]{3,}/gi, ''))
  ) {
    differences.push('L, W and #: node-cron knows them; Kubernetes and system cron do not');
  }
  if (/(?:^|[,-])7(?:$|[,/-])/.test(dayOfWeek)) {
    differences.push('Sunday as 7: node-cron and system cron know it; Kubernetes takes 0');
  }
  if (
    [minute, hour, dayOfMonth, withNumbers(month, MONTHS), withNumbers(dayOfWeek, DAYS)].some(
      hasBackwardRange,
    )
  ) {
    differences.push(
      'a range that ends before it begins: node-cron wraps it around; Kubernetes and system cron refuse it',
    );
  }
  if (fields.includes('?')) {
    differences.push('?: node-cron and Kubernetes read it as *; system cron does not know it');
  }
  return differences;
}

const MONTHS = ['', 'jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'];
const DAYS = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'];

function withNumbers(field: string, names: readonly string[]): string {
  return field.replace(/[a-z]{3,}/gi, (name) => {
    const index = names.indexOf(name.slice(0, 3).toLowerCase());
    return index < 0 ? name : String(index);
  });
}

function isRestricted(field: string): boolean {
  return !/^[*?]$/.test(field);
}

function hasBackwardRange(field: string): boolean {
  return field.split(',').some((part) => {
    const [, from, to] = /^(\d+)-(\d+)/.exec(part) ?? [];
    return from !== undefined && Number(from) > Number(to);
  });
}
