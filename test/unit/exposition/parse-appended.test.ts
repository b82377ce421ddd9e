import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { MetricFamily } from '../../../src/exposition/family.js';
import { parseFamilies } from '../../../src/exposition/parse.js';
import { MOST_REFUSED, parseAppended } from '../../../src/exposition/parse-appended.js';
import { writeFamilies } from '../../../src/exposition/write.js';

const name = fc.stringMatching(/^[a-z]{1,3}$/);
const value = fc.oneof(fc.double(), fc.constantFrom(0, 1, Number.NaN, Number.POSITIVE_INFINITY));
const sample = fc.record({ name, label: fc.option(fc.string()), value });

/** What a job might append, one line each, and what is left of it in the end. */
const appended = fc.array(sample, { maxLength: 20 }).map((samples) => ({
  lines: samples.map(({ name: metric, label, value: number }) =>
    writeFamilies([
      {
        name: metric,
        type: 'untyped',
        samples: [{ name: metric, labels: label === null ? [] : [['l', label]], value: number }],
      },
    ])
      .split('\n')
      .filter((line) => !line.startsWith('#'))
      .join('\n'),
  ),
  last: new Map(
    samples.map(({ name: metric, label, value: number }) => [JSON.stringify([metric, label]), number]),
  ),
}));

const valuesOf = (families: readonly MetricFamily[]) =>
  new Map(
    families
      .flatMap(({ samples }) => samples)
      .map(({ name: metric, labels, value: number }) => [
        JSON.stringify([metric, labels[0]?.[1] ?? null]),
        number,
      ]),
  );

test('whatever is appended, each sample keeps its last value, and what is written reads strictly', () => {
  fc.assert(
    fc.property(appended, ({ lines, last }) => {
      fc.pre(!lines.join('').includes('\uFFFD'));
      const { families, refused } = parseAppended(lines.join(''));
      expect(refused).toEqual([]);
      expect(valuesOf(families)).toEqual(last);
      expect(valuesOf(parseFamilies(writeFamilies(families)))).toEqual(last);
    }),
  );
});

test('bad lines anywhere cost no good one, and each is named by its number', () => {
  const bad = fc.constantFrom(
    'x',
    '1 2',
    'a{b=1} 2',
    'a{b="1} 2',
    '{} 1',
    'a 1 2',
    '# TYPE a nonsense',
    'a\u{FFFD} 1',
  );
  fc.assert(
    fc.property(
      fc.array(
        fc.oneof(
          name.map((metric) => `${metric}_ok 1`),
          bad,
        ),
        { maxLength: 20 },
      ),
      (lines) => {
        const { families, refused } = parseAppended(lines.join('\n'));
        const isGood = (line: string) => line.endsWith('_ok 1');
        expect(refused.map(({ line }) => line)).toEqual(
          lines.flatMap((line, index) => (isGood(line) ? [] : [index + 1])),
        );
        expect(new Set(families.map((family) => family.name))).toEqual(
          new Set(lines.filter(isGood).map((line) => line.split(' ')[0])),
        );
      },
    ),
  );
});

test('any bytes are read without an error', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
      const { families } = parseAppended(Buffer.from(bytes).toString('utf8'));
      expect(() => parseFamilies(writeFamilies(families))).not.toThrow();
    }),
  );
});

test('types and helps may come late, twice and in pieces; another type is refused', () => {
  const { families, refused } = parseAppended(
    'h_bucket{le="1"} 1\r\n# TYPE h histogram\nother 1\nh_bucket{le="+Inf"} 2\nh_sum 3  \nh_count 2\n' +
      '# HELP h First.\n# HELP h Last.\n# TYPE h histogram\n# TYPE h gauge\n# any comment\n\nh 4\nh_bucket 5',
  );
  expect(writeFamilies(families)).toBe(
    '# HELP h Last.\n# TYPE h histogram\nh_bucket{le="1"} 1\nh_bucket{le="+Inf"} 2\nh_sum 3\nh_count 2\n' +
      '# TYPE other untyped\nother 1\n',
  );
  expect(refused).toEqual([
    { line: 10, problem: 'metric "h" is a histogram already, and cannot be a gauge too' },
    { line: 13, problem: 'metric "h" is a histogram: expected h_bucket, h_sum or h_count' },
    { line: 14, problem: 'expected a label le with a number' },
  ]);
});

test('a summary needs its quantiles to be numbers', () => {
  const { families, refused } = parseAppended(
    '# TYPE s summary\ns{quantile="0.5"} 1\ns 2\ns_sum 3\ns_count 1\n',
  );
  expect(families[0]?.samples).toHaveLength(3);
  expect(refused).toEqual([{ line: 3, problem: 'expected a label quantile with a number' }]);
});

test('a line that was not UTF-8 is refused: its label would not be what the command wrote', () => {
  const { families, refused } = parseAppended('rows{of="a\uFFFD"} 1\nrows{of="b"} 2\n');
  expect(families.flatMap(({ samples }) => samples.map(({ value: number }) => number))).toEqual([2]);
  expect(refused).toEqual([{ line: 1, problem: 'not UTF-8' }]);
});

test.each([
  [MOST_REFUSED, false],
  [MOST_REFUSED + 1, true],
])('after %i bad lines the rest is read, or is something else than metrics: given up %s', (bad, givenUp) => {
  const read = parseAppended(`first 1\n${'?\n'.repeat(bad)}last 1\n`);
  expect(read.givenUp).toBe(givenUp);
  expect(read.families.map(({ name: family }) => family)).toEqual(givenUp ? ['first'] : ['first', 'last']);
  expect(read.refused).toHaveLength(MOST_REFUSED);
});
