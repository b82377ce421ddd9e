import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { headline } from '../../../src/status/counts.js';
import { describeJob, describeSpan } from '../../../src/status/describe.js';
import { type JobView, PROBLEMS, viewMissing } from '../../../src/status/job-view.js';
import { compareJobs } from '../../../src/status/order.js';
import { printable } from '../../../src/status/printable.js';
import { formatTable } from '../../../src/status/table.js';
import { textWidth } from '../../../src/status/text-width.js';
import { createMatcher, viewJobs } from '../../../src/status/view-jobs.js';

const well = (job: string, labels: Record<string, string> = {}): JobView => ({
  job,
  labels,
  state: 'succeeded',
  problems: [],
});
const group = (job: string, labels: Record<string, string> = {}) => ({
  labels: Object.entries({ job, ...labels }),
  families: [],
});
const jobs = (rows: readonly { view: JobView }[]) => rows.map(({ view }) => view.job);

const views = fc.record({
  job: fc.oneof(fc.constantFrom('a', 'a2', 'a10', 'A', 'ä', ''), fc.string({ unit: 'binary' })),
  labels: fc.dictionary(fc.constantFrom('host', 'shard'), fc.string({ unit: 'binary' })),
  state: fc.constantFrom('succeeded', 'failed', 'running', 'killed', 'no_batch_metrics' as const),
  problems: fc.subarray([...PROBLEMS]),
  lastSuccessAgeSeconds: fc.option(fc.double({ min: 0, max: 1e10, noNaN: true }), { nil: undefined }),
}) as fc.Arbitrary<JobView>;

test('the worst come first, then the names in natural order', () => {
  const failed: JobView = { ...well('z'), state: 'failed', problems: ['failed'] };
  const both: JobView = { ...failed, job: 'zz', problems: ['failed', 'overdue'] };
  const late: JobView = { ...well('b'), problems: ['overdue', 'never_succeeded', 'push_refused'] };
  const sorted = [
    well('job 10'),
    well('job 2'),
    late,
    well('job 2', { shard: '1' }),
    failed,
    both,
    viewMissing('m'),
  ].sort(compareJobs);
  expect(sorted.map(({ job }) => job)).toEqual(['m', 'zz', 'z', 'b', 'job 2', 'job 2', 'job 10']);
});

test('the order is total: any shuffle sorts to the same, and no two groups are equal', () => {
  fc.assert(
    fc.property(fc.array(views, { maxLength: 12 }), fc.infiniteStream(fc.nat()), (given, numbers) => {
      const shuffled = given
        .map((view) => [numbers.next().value ?? 0, view] as const)
        .sort(([a], [b]) => a - b)
        .map(([, view]) => view);
      const key = ({ job, labels, problems }: JobView) =>
        JSON.stringify([job, Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1)), problems]);
      expect([...shuffled].sort(compareJobs).map(key)).toEqual([...given].sort(compareJobs).map(key));
      for (const a of given)
        for (const b of given) {
          expect(Math.sign(compareJobs(a, b)) + Math.sign(compareJobs(b, a))).toBe(0);
          if (compareJobs(a, b) === 0) expect(key(a)).toBe(key(b));
        }
    }),
  );
});

test('a pattern matches whole names: * any text, ? one character, all else itself', () => {
  expect(createMatcher('import_*')('import_orders')).toBe(true);
  expect(createMatcher('import_*')('re_import_orders')).toBe(false);
  expect(createMatcher('a?c')('abc')).toBe(true);
  expect(createMatcher('a?c')('a😀c')).toBe(true);
  expect(createMatcher('a?c')('ac')).toBe(false);
  expect(createMatcher('*')('line\nbreak')).toBe(true);
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), (pattern, text) => {
      const plain = pattern.replace(/[*?]/g, '.');
      expect(createMatcher(plain)(plain)).toBe(true);
      expect(createMatcher(plain)(text)).toBe(plain === text);
    }),
  );
});

test('jobs are selected by name and label, and an expected one that is not there is missing', () => {
  const groups = [group('import_a', { host: 'x' }), group('import_b', { host: 'y' }), group('other')];
  expect(jobs(viewJobs(groups, 0, { job: 'import_*' }))).toEqual(['import_a', 'import_b']);
  expect(jobs(viewJobs(groups, 0, { grouping: [['host', 'y']] }))).toEqual(['import_b']);
  const expecting = viewJobs(groups, 0, { job: 'import_*', expected: ['other', 'gone', 'gone'] });
  expect(expecting.map(({ view }) => [view.job, view.state])).toEqual([
    ['gone', 'missing'],
    ['import_a', 'no_batch_metrics'],
    ['import_b', 'no_batch_metrics'],
  ]);
  expect(jobs(viewJobs(groups, 0, { grouping: [['host', 'y']], expected: ['other'] }))).toEqual([
    'other',
    'import_b',
  ]);
});

test('the headline counts what is wrong and what runs', () => {
  expect(headline([])).toBe('no jobs');
  expect(headline([well('a')])).toBe('1 job: all well');
  const running: JobView = { ...well('r'), state: 'running' };
  expect(headline([well('a'), running])).toBe('2 jobs: all well, 1 running');
  const failed: JobView = { ...well('f'), state: 'failed', problems: ['failed', 'overdue'] };
  expect(headline([failed, running, running])).toBe('3 jobs: 1 failed, 1 overdue, 2 running');
});

test('no text obeys a terminal or turns a line around', () => {
  expect(printable('a\u202eb\u001b[31m\n\u2066')).toBe('a\\u202eb\\u001b[31m\\u000a\\u2066');
  fc.assert(
    fc.property(views, (view) => {
      const text = formatTable([view], { columns: 80, colours: false });
      expect(text).not.toMatch(/[^\P{Cc}\n]|[\p{Cs}\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/u);
    }),
  );
});

test('a table on 80 columns cuts nothing, and only a name of its own line is longer', () => {
  fc.assert(
    fc.property(fc.array(views, { minLength: 1, maxLength: 8 }), (given) => {
      const lines = formatTable(given, { columns: 80, colours: false }).split('\n').slice(2);
      for (const view of given) {
        const { notes, ...cells } = describeJob(view);
        for (const cell of [...Object.values(cells), ...notes])
          expect(lines.join('\n')).toContain(cell.trimEnd());
      }
      const names = new Set(given.map((view) => describeJob(view).name));
      for (const line of lines.filter((each) => textWidth(each) > 80 && !each.startsWith('  ')))
        expect(names).toContain(line);
    }),
  );
});

test('the worst row of a job still fits 80 columns beside a name of ordinary length', () => {
  const worst: JobView = {
    ...well('nightly_export', {}),
    state: 'failed',
    problems: ['failed', 'overdue'],
    exitCode: 137,
    lastSuccessAgeSeconds: 86_400 * 33 + 3600 * 23,
    overdueSeconds: 86_400 * 32 + 3600 * 23,
    durationSeconds: 3600 * 23 + 60 * 59,
    recordsProcessed: 1_234_567,
  };
  const [, , head, row, ...rest] = formatTable([worst], { columns: 80, colours: false }).split('\n');
  expect(head).toBe('JOB             OUTCOME           SUCCEEDED   DUE                  TOOK  RECORDS');
  expect(row).toBe('nightly_export  failed, exit 137  33d23h ago  overdue by 32d23h  23h59m  1234567');
  expect(rest).toEqual(['']);
});

test('colours are there only if asked for, and the row of a job that is wrong is red', () => {
  const jobs = [viewMissing('gone'), well('fine')];
  const plain = formatTable(jobs, { columns: 80, colours: false });
  const painted = formatTable(jobs, { columns: 80, colours: true });
  expect(plain).not.toContain('\u001b');
  const lines = painted.replaceAll('\u001b', 'ESC').split('\n');
  expect(lines.join('\n').replace(/ESC\[\d+m/g, '')).toBe(plain);
  expect(lines).toContain('ESC[31mgone  missingESC[0m');
  expect(lines).toContain('fine  succeeded');
});

test.each([
  [0.0004, '0ms'],
  [0.35, '350ms'],
  [1.25, '1.3s'],
  [59.9, '59.9s'],
  [59.96, '1m'],
  [125, '2m5s'],
  [3600, '1h'],
  [7384, '2h3m'],
  [86_400 * 3 + 3600 * 4 + 59, '3d4h'],
  [86_400 * 400, '1y35d'],
])('%d seconds read as %s', (seconds, text) => {
  expect(describeSpan(seconds)).toBe(text);
});
