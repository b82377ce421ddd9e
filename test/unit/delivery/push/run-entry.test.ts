import fc from 'fast-check';
import { expect, test } from 'vitest';
import { startFold } from '../../../../src/delivery/push/fold-entries.js';
import { needsBase, ownText, type RunEntry, withBase } from '../../../../src/delivery/push/run-entry.js';
import { parseFamilies } from '../../../../src/exposition/parse.js';
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
    outcomeAlone: fc.constant(''),
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
