import fc from 'fast-check';
import { expect, test } from 'vitest';
import { startFold } from '../../../../src/delivery/push/fold-entries.js';
import { lastToldIn, withToldSuccess } from '../../../../src/delivery/push/late-entry.js';
import {
  isOutcomeAll,
  needsBase,
  ownText,
  type RunEntry,
  withBase,
} from '../../../../src/delivery/push/run-entry.js';
import { parseFamilies } from '../../../../src/exposition/parse.js';
import { writeFamilies } from '../../../../src/exposition/write.js';
import { describeGroup } from '../../../../src/gateway/describe.js';
import { createStore } from '../../../../src/gateway/store.js';

const LABELS = [['job', 'a']] as const;

const sample = (name: string, type: string) =>
  fc
    .uniqueArray(fc.constantFrom('1', '2', '3'), { minLength: 1 })
    .chain((sets) =>
      fc.tuple(
        ...sets.map((set) => fc.integer({ min: 0, max: 9 }).map((value) => `${name}{s="${set}"} ${value}\n`)),
      ),
    )
    .map((lines) => `# TYPE ${name} ${type}\n${lines.join('')}`);
const histogram = fc
  .tuple(fc.nat(9), fc.nat(9))
  .map(
    ([low, high]) =>
      `# TYPE h histogram\nh_bucket{le="1"} ${low}\nh_bucket{le="+Inf"} ${low + high}\nh_sum ${high}\nh_count ${low + high}\n`,
  );
const summary = fc
  .tuple(fc.constantFrom('1', '2'), fc.nat(9))
  .map(
    ([set, sum]) =>
      `# TYPE t summary\nt{s="${set}",quantile="0.5"} ${sum}\nt_sum{s="${set}"} ${sum}\nt_count{s="${set}"} 1\n`,
  );
const own = fc
  .tuple(
    fc.option(sample('c', 'counter')),
    fc.option(sample('g', 'gauge')),
    fc.option(histogram),
    fc.option(summary),
  )
  .map((parts) => parts.filter((part) => part !== null).join(''));

const entry = (accumulate: boolean): fc.Arbitrary<RunEntry> =>
  fc.record({
    key: fc.constant({ job: 'a', grouping: [] }),
    startedAtMs: fc.constant(0),
    put: accumulate ? fc.constant(false) : fc.boolean(),
    outcome: fc
      .subarray(['# TYPE o1 gauge\no1 1\n', '# TYPE o2 gauge\no2 2\n', '# TYPE o1 gauge\no1 3\n'], {
        maxLength: 1,
      })
      .map((lines) => lines.join('')),
    own,
    accumulate: fc.constant(accumulate),
  });

/** What a group holds after the entries were sent in order, each going on from what was held before it. */
function send(entries: readonly RunEntry[]): Record<string, number> {
  const store = createStore({ groups: 1 });
  for (const given of entries) {
    const based = needsBase(given) ? withBase(given, parseFamilies(heldText(store))) : given;
    store.push(
      { labels: LABELS, families: parseFamilies(based.outcome + ownText(based)), replace: given.put },
      1,
    );
  }
  const [group] = store.groups();
  return group ? describeGroup(group).samples : {};
}

function heldText(store: ReturnType<typeof createStore>): string {
  const [group] = store.groups();
  return [...(group?.families.values() ?? [])]
    .filter(({ name }) => !name.startsWith('push_'))
    .map(({ name, type }) => {
      const samples = Object.entries(group ? describeGroup(group).samples : {}).filter(([key]) =>
        new RegExp(`^${name}(_sum|_count|_bucket)?(\\{|$)`).test(key),
      );
      return `# TYPE ${name} ${type}\n${samples.map(([key, value]) => `${key} ${value}\n`).join('')}`;
    })
    .join('');
}

test.each([true, false])('entries folded leave what entries in order leave (accumulate %s)', (accumulate) => {
  let folds = 0;
  fc.assert(
    fc.property(fc.array(entry(accumulate), { minLength: 2, maxLength: 5 }), (entries) => {
      const [first, ...rest] = entries;
      if (!first) return;
      const fold = startFold(first);
      const folded = rest.findIndex((next) => !fold.add(next));
      folds++;
      const members = folded < 0 ? entries : entries.slice(0, folded + 1);
      expect(send([fold.entry()])).toEqual(send(members));
    }),
    { numRuns: 500 },
  );
  expect(folds).toBeGreaterThan(400);
});

const one = (changes: Partial<RunEntry>): RunEntry => ({
  key: { job: 'a', grouping: [] },
  startedAtMs: 0,
  put: false,
  outcome: '',
  own: '# TYPE c counter\nc 1\n',
  accumulate: false,
  ...changes,
});

test('a run that replaced the group does so with the runs that follow as one', () => {
  const before = one({ own: '# TYPE gone gauge\ngone 1\n' });
  const first = one({ put: true });
  const fold = startFold(first);
  expect(fold.add(one({ own: '# TYPE d counter\nd 1\n' }))).toBe(true);
  expect(send([before, fold.entry()])).toEqual(
    send([before, first, one({ own: '# TYPE d counter\nd 1\n' })]),
  );
  expect(send([before, fold.entry()])).toEqual({ c: 1, d: 1 });
});

test.each([
  ['the first', { base: '' }, {}],
  ['the second', {}, { base: '' }],
])('counts go on from one base: none are added to those of an entry that has one (%s)', (_name, a, b) => {
  const fold = startFold(one({ accumulate: true, ...a }));
  expect(fold.add(one({ accumulate: true, ...b }))).toBe(false);
  expect(fold.entry()).toEqual(one({ accumulate: true, ...a }));
});

test('an entry that cannot be added changes nothing of those before it', () => {
  const fold = startFold(one({ accumulate: true }));
  expect(fold.add(one({ accumulate: true, own: '# TYPE b counter\nb 1\n# TYPE c gauge\nc 5\n' }))).toBe(
    false,
  );
  expect(fold.add(one({ accumulate: true }))).toBe(true);
  expect(fold.entry().own).toBe('# TYPE c counter\nc 2\n');
});

/** The outcome of a success at these seconds, with its due time. */
const success = (at: number, due: number): string =>
  [
    ['batch_job_last_success_timestamp_seconds', at],
    ['batch_job_success_due_timestamp_seconds', due],
  ]
    .map(([name, value]) => `# TYPE ${name} gauge\n${name} ${value}\n`)
    .join('');

test('of runs that overlap, the newer success stays, whichever was written first', () => {
  const fold = startFold(one({ outcome: success(20, 90) }));
  fold.add(one({ outcome: success(10, 80) }));
  expect(fold.entry().outcome).toBe(success(20, 90));
});

test('a newer success brings its own due time, an earlier one too', () => {
  const fold = startFold(one({ outcome: success(10, 90) }));
  fold.add(one({ outcome: success(20, 50) }));
  expect(fold.entry().outcome).toBe(success(20, 50));
});

test('a run that ends beside a newer success moves it not back; one of a wrong clock does not last', () => {
  const told = lastToldIn({ outcome: success(20, 90) });
  const after = (outcome: string, nowMs: number) =>
    writeFamilies(withToldSuccess(parseFamilies(outcome), told, nowMs));
  expect(after(success(10, 80), 30_000)).toBe(success(20, 90));
  expect(after(success(10, 80), 15_000)).toBe(success(10, 80));
  expect(after(success(25, 80), 30_000)).toBe(success(25, 80));
  const failed = '# TYPE batch_job_success gauge\nbatch_job_success 0\n';
  expect(after(failed, 30_000)).toBe(failed);
});

test('several as one are as new as the newest: an older run among them makes none of it late', () => {
  const fold = startFold(one({ startedAtMs: 5 }));
  fold.add(one({ startedAtMs: 3 }));
  expect(fold.entry().startedAtMs).toBe(5);
});

test('an entry that replaces its group is told by nothing less than itself', () => {
  const outcome = '# TYPE o1 gauge\no1 1\n';
  const given = {
    key: { job: 'a', grouping: [] },
    startedAtMs: 0,
    outcome,
    accumulate: false,
  };
  expect(isOutcomeAll({ ...given, own: '', put: false })).toBe(true);
  expect(isOutcomeAll({ ...given, own: '', put: true })).toBe(false);
  expect(isOutcomeAll({ ...given, own: 'rows 1\n', put: false })).toBe(false);
  const stages =
    '# TYPE batch_job_stage_duration_seconds gauge\nbatch_job_stage_duration_seconds{stage="x"} 1\n';
  expect(isOutcomeAll({ ...given, own: '', put: false, outcome: outcome + stages })).toBe(false);
});
