import { UsageError } from '../errors.js';

/** The grouping labels without `job`, in the order given. */
export type Grouping = readonly (readonly [name: string, value: string])[];

/** What identifies a group in the Pushgateway: the job and its grouping labels. */
export interface GroupingKey {
  readonly job: string;
  readonly grouping: Grouping;
}

const LABEL_NAME = /^[a-zA-Z_][a-zA-Z0-9_]*$/;
/** Characters that no server or proxy on the way decodes, joins or cuts: RFC 3986's unreserved ones and `:`. */
const SAFE_VALUE = /^[A-Za-z0-9._~:-]+$/;

/**
 * The checked grouping key.
 *
 * @throws UsageError for an empty value (the Pushgateway takes it for an absent label), a label `job`, a name
 * that is no label name or starts with `__` or `U__`, a name given twice, and text that UTF-8 cannot carry.
 */
export function createGroupingKey(job: string, grouping: Grouping): GroupingKey {
  if (job === '') throw new UsageError('job: expected a name, got an empty text');
  if (!job.isWellFormed())
    throw new UsageError(`job: expected a name, got ${JSON.stringify(job)}, which is not valid Unicode`);
  const seen = new Set<string>();
  for (const [name, value] of grouping) {
    if (name === 'job') {
      throw new UsageError(`grouping: expected a label other than "job", got ${show(name, value)}`, {
        hint: 'set the job with --job',
      });
    }
    if (!LABEL_NAME.test(name) || name.startsWith('__')) {
      throw new UsageError(
        `grouping: expected a label name of letters, digits and _ that starts with a letter or a single _, got ${show(name, value)}`,
      );
    }
    if (name.startsWith('U__')) {
      throw new UsageError(
        `grouping: expected a label name that does not start with U__, got ${show(name, value)}`,
        {
          hint: 'a gateway with UTF-8 names would take it for an escaped name (--push.enable-utf8-names)',
        },
      );
    }
    if (value === '')
      throw new UsageError(`grouping: expected a value for label "${name}", got an empty text`);
    if (seen.has(name)) throw new UsageError(`grouping: expected label "${name}" once, got it twice`);
    checkEncodable(name, value);
    seen.add(name);
  }
  return { job, grouping };
}

/** `name=value` as a grouping label; the value may hold further `=`. */
export function parseGroupingLabel(text: string): readonly [name: string, value: string] | undefined {
  const equals = text.indexOf('=');
  return equals < 0 ? undefined : [text.slice(0, equals), text.slice(equals + 1)];
}

/**
 * The group's path on the Pushgateway, `/metrics/job/<job>{/<label>/<value>}`. A value that the plain form
 * could lose on the way (a slash, a dot alone, anything beyond unreserved characters) goes as base64url,
 * which the Pushgateway reads since 0.9 and no proxy rewrites. An empty value, which only other clients push, is `=`
 * (Pushgateway's README, "URL").
 */
export function groupPath(key: GroupingKey): string {
  const segments = [['job', key.job] as const, ...key.grouping].map(([name, value]) =>
    SAFE_VALUE.test(value) && value !== '.' && value !== '..'
      ? `/${name}/${value}`
      : `/${name}@base64/${Buffer.from(value, 'utf8').toString('base64url') || '='}`,
  );
  return `/metrics${segments.join('')}`;
}

/** The key with its labels by name: their order tells no groups apart. */
export function sortKey({ job, grouping }: GroupingKey): GroupingKey {
  return { job, grouping: [...grouping].sort(([a], [b]) => (a < b ? -1 : 1)) };
}

/** The key in Prometheus' own notation: `{job="a",shard="3"}`. */
export function formatKey(key: GroupingKey): string {
  const labels = [['job', key.job] as const, ...key.grouping];
  return `{${labels.map(([name, value]) => `${name}=${JSON.stringify(value)}`).join(',')}}`;
}

const PER_RUN_NAMES: ReadonlySet<string> = new Set([
  'pod',
  'pod_name',
  'container',
  'container_id',
  'run_id',
  'pid',
  'uuid',
  'timestamp',
]);
const PER_RUN_VALUES: readonly (readonly [RegExp, string])[] = [
  [/[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}/i, 'a UUID'],
  [/^1[0-9]{9}(?:[0-9]{3}|\.[0-9]+)?$/, 'a timestamp'],
  [/\b20\d\d-[01]\d-[0-3]\d/, 'a date'],
];

/**
 * Why a grouping label looks as if it differed in every run, or `undefined`. Each new value makes a new group,
 * and the Pushgateway never expires groups ("When to use the Pushgateway", Prometheus' documentation).
 */
export function perRunReason(name: string, value: string): string | undefined {
  if (PER_RUN_NAMES.has(name.toLowerCase())) return `label "${name}" usually differs in every run`;
  const looksLike = PER_RUN_VALUES.find(([form]) => form.test(value))?.[1];
  return looksLike && `the value of label "${name}" looks like ${looksLike}`;
}

function checkEncodable(name: string, value: string): void {
  if (!value.isWellFormed()) {
    throw new UsageError(`grouping: the value of label "${name}" is not valid Unicode`);
  }
}

function show(name: string, value: string): string {
  return JSON.stringify(`${name}=${value}`);
}
