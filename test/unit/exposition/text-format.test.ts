import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { MetricFamily } from '../../../src/exposition/family.js';
import { namesIn, parseFamilies, visitSamples } from '../../../src/exposition/parse.js';
import { writeFamilies } from '../../../src/exposition/write.js';

const name = fc.stringMatching(/^[a-zA-Z_:][a-zA-Z0-9_:]{0,10}$/);
const labelName = fc.stringMatching(/^[a-zA-Z_][a-zA-Z0-9_]{0,6}$/);
const text = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.string({ unit: fc.constantFrom('\\', '"', '\n', 'n', '{', '}', ',', ' ') }),
);
const value = fc.oneof(
  fc.double(),
  fc.constantFrom(Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0, -0, 1e300, 5e-324),
);
const labels = fc
  .uniqueArray(fc.tuple(labelName, text), { maxLength: 3, selector: ([label]) => label })
  .map((pairs) => pairs.filter(([label]) => label !== '__name__'));

/** Families whose names do not end like a part of another. */
const families: fc.Arbitrary<MetricFamily[]> = fc
  .uniqueArray(
    name.filter((given) => !/_(?:sum|count|bucket)$/.test(given)),
    { maxLength: 4 },
  )
  .chain((names) =>
    fc.tuple(
      ...names.map((family) =>
        fc.record({
          name: fc.constant(family),
          help: text.map((help) => help.replace(/^[ \t]+/, '') || 'x'),
          type: fc.constantFrom(
            'counter' as const,
            'gauge' as const,
            'untyped' as const,
            'histogram' as const,
            'summary' as const,
          ),
          samples: fc.array(fc.tuple(labels, value), { minLength: 1, maxLength: 3 }),
        }),
      ),
    ),
  )
  .map((given) =>
    given.map(({ samples, ...family }) => ({
      ...family,
      samples: samples.map(([pairs, content], index) => ({
        name: partName(family, index),
        labels: pairs,
        value: content,
      })),
    })),
  );

function partName({ name: family, type }: Pick<MetricFamily, 'name' | 'type'>, index: number): string {
  if (type === 'histogram') return family + (['_bucket', '_sum', '_count'][index] ?? '_count');
  if (type === 'summary') return family + (['', '_sum', '_count'][index] ?? '');
  return family;
}

test('what is written is read back the same', () => {
  let samples = 0;
  fc.assert(
    fc.property(families, (given) => {
      samples += given.length;
      expect(parseFamilies(writeFamilies(given))).toEqual(given);
    }),
    { numRuns: 500 },
  );
  expect(samples).toBeGreaterThan(200);
});

describe('what the Pushgateway 1.5.1 accepts', () => {
  test.each([
    ['', []],
    ['\n \t\n', []],
    ['# a comment\n#HELP\n# TYPE\na 1\n', [['a', 'untyped', 1]]],
    ['  a  {  x = "y" , }  1\n', [['a', 'untyped', 1]]],
    ['a{} +Inf\n', [['a', 'untyped', Number.POSITIVE_INFINITY]]],
    ['a -inf\n', [['a', 'untyped', Number.NEGATIVE_INFINITY]]],
    [
      'a 1e3\nb .5\nc 5.\n',
      [
        ['a', 'untyped', 1000],
        ['b', 'untyped', 0.5],
        ['c', 'untyped', 5],
      ],
    ],
    ['# TYPE a counter\n', []],
    ['# TYPE s summary\ns_sum 3\ns_count 1\n', [['s', 'summary', 3]]],
    ['s_sum 3\n', [['s_sum', 'untyped', 3]]],
    [
      '# TYPE s summary\ns_sum 1\ns_bucket 3\n',
      [
        ['s', 'summary', 1],
        ['s_bucket', 'untyped', 3],
      ],
    ],
  ] as const)('%j', (given, expected) => {
    const found = parseFamilies(given).map((family) => [family.name, family.type, family.samples[0]?.value]);
    expect(found).toEqual(expected);
  });

  test('a timestamp is read', () => {
    expect(parseFamilies('a 1 1700000000000\n')[0]?.samples[0]).toMatchObject({ timestampMs: 1700000000000 });
  });
});

test.each([
  ['a 1', 'line 1: unexpected end of input'],
  ['a 1 \n', 'line 1: expected an integer as timestamp, got ""'],
  ['a 1e400\n', 'line 1: expected a number as value, got "1e400"'],
  ['a 1\r\n', 'line 1: expected a number as value, got "1\\r"'],
  ['a\n', 'line 1: expected a number as value, got ""'],
  ['a one\n', 'line 1: expected a number as value, got "one"'],
  ['a 1_000\n', 'got "1_000"'],
  ['1a 1\n', 'line 1: invalid metric name'],
  ['a-b 1\n', 'line 1: expected a number as value'],
  ['ok 1\na{1x="y"} 1\n', 'line 2: invalid label name'],
  ['a{x="y} 1\n', 'the value of label "x" is not closed'],
  ['a{x=y} 1\n', "expected '\"'"],
  ['a{x="\\d"} 1\n', 'invalid escape sequence "\\d"'],
  ['a{x="1",x="2"} 1\n', 'duplicate label name "x"'],
  ['a{__name__="b"} 1\n', 'label name "__name__" is reserved'],
  ['a{x="1" y="2"} 1\n', 'expected "," or "}"'],
  ['a 1 2 3\n', 'unexpected text after the timestamp'],
  ['a 1 2.5\n', 'expected an integer as timestamp'],
  ['# TYPE a thing\na 1\n', 'line 1: unknown metric type "thing"'],
  ['a 1\n# TYPE a gauge\n', 'line 2: second TYPE line for metric name "a"'],
  ['# TYPE a gauge\n# TYPE a gauge\n', 'line 2: second TYPE line'],
  ['# HELP a x\n# HELP a y\n', 'line 2: second HELP line'],
])('%j is refused', (given, message) => {
  expect(() => parseFamilies(given)).toThrow(message.replaceAll('\\r', '\r'));
});

test('reading a text without keeping it tells the same samples, and a search for names misses no family', () => {
  fc.assert(
    fc.property(families, (given) => {
      const written = writeFamilies(given);
      const read = parseFamilies(written);
      const visited: unknown[] = [];
      visitSamples(written, ({ name: family, type }, told) => visited.push({ family, type, ...told }));
      const kept = read.flatMap(({ name: family, type, samples }) =>
        samples.map((each) => ({ family, type, ...each })),
      );
      expect(visited).toEqual(kept);
      expect([...namesIn(written)]).toEqual(expect.arrayContaining(read.map((family) => family.name)));
    }),
  );
  expect([...namesIn('  a 1\n#\tTYPE  b counter\n# c\nd_sum{l="e 1"} 2\n')]).toEqual(['a', 'b', 'd_sum']);
});
