import { expect, test } from 'vitest';
import { accumulate } from '../../../src/exposition/accumulate.js';
import { parseFamilies } from '../../../src/exposition/parse.js';
import { writeFamilies } from '../../../src/exposition/write.js';

const add = (base: string, run: string) =>
  writeFamilies(accumulate(parseFamilies(base), parseFamilies(run)))
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'));

test('counters add up; label sets that the run did not touch keep their values', () => {
  expect(
    add('# TYPE c counter\nc{a="1"} 5\nc{a="2"} 7\n', '# TYPE c counter\nc{a="1"} 2\nc{a="3"} 1\n'),
  ).toEqual(['c{a="1"} 7', 'c{a="3"} 1', 'c{a="2"} 7']);
});

test('the order of labels does not matter', () => {
  expect(add('# TYPE c counter\nc{b="2",a="1"} 5\n', '# TYPE c counter\nc{a="1",b="2"} 2\n')).toEqual([
    'c{a="1",b="2"} 7',
  ]);
});

test("gauges and untyped values are the run's own", () => {
  expect(add('# TYPE g gauge\ng 5\ng{a="1"} 1\nu 3\n', '# TYPE g gauge\ng 2\nu 1\n')).toEqual(['g 2', 'u 1']);
});

test('histograms add buckets, sums and counts, with bounds compared as numbers', () => {
  const base = '# TYPE h histogram\nh_bucket{le="1e+06"} 1\nh_bucket{le="+Inf"} 2\nh_sum 10\nh_count 2\n';
  const run = '# TYPE h histogram\nh_bucket{le="1000000"} 1\nh_bucket{le="+Inf"} 1\nh_sum 3\nh_count 1\n';
  expect(add(base, run)).toEqual([
    'h_bucket{le="1000000"} 2',
    'h_bucket{le="+Inf"} 3',
    'h_sum 13',
    'h_count 3',
  ]);
});

test("summaries add sums and counts; quantiles are the run's own, and untouched sets have none", () => {
  const base =
    '# TYPE s summary\ns{quantile="0.5",a="1"} 9\ns_sum{a="1"} 10\ns_count{a="1"} 2\ns{quantile="0.5",a="2"} 8\ns_sum{a="2"} 8\ns_count{a="2"} 1\n';
  const run = '# TYPE s summary\ns{quantile="0.5",a="1"} 4\ns_sum{a="1"} 4\ns_count{a="1"} 1\n';
  expect(add(base, run)).toEqual([
    's{quantile="0.5",a="1"} 4',
    's_sum{a="1"} 14',
    's_count{a="1"} 3',
    's_sum{a="2"} 8',
    's_count{a="2"} 1',
  ]);
});

test("families that only one side has: the run's are taken, the others are left to the gateway", () => {
  expect(add('# TYPE a counter\na 1\n', '# TYPE b counter\nb 1\n')).toEqual(['b 1']);
});

test.each([
  [
    '# TYPE x gauge\nx 1\n',
    '# TYPE x counter\nx 1\n',
    'metric "x" is of the type counter, and what is held of that name is of the type gauge',
  ],
  [
    '# TYPE x counter\nx 1\n',
    '# TYPE x gauge\nx 1\n',
    'metric "x" is of the type gauge, and what is held of that name is of the type counter',
  ],
  [
    '# TYPE h histogram\nh_bucket{le="1"} 1\nh_bucket{le="+Inf"} 1\nh_sum 1\nh_count 1\n',
    '# TYPE h histogram\nh_bucket{le="2"} 1\nh_bucket{le="+Inf"} 1\nh_sum 1\nh_count 1\n',
    'metric "h" has the buckets 2, and what is held of it 1',
  ],
])('what is of another kind is refused: %j and %j', (base, run, message) => {
  expect(() => add(base, run)).toThrow(message);
});

test('a count that is held as NaN or an infinity begins anew, with all parts of its metric', () => {
  expect(
    add(
      '# TYPE c counter\nc{a="1"} NaN\nc{a="2"} +Inf\nc{a="3"} 1\n',
      '# TYPE c counter\nc{a="1"} 2\nc{a="2"} 2\nc{a="3"} 2\n',
    ),
  ).toEqual(['c{a="1"} 2', 'c{a="2"} 2', 'c{a="3"} 3']);
  expect(
    add(
      '# TYPE s summary\ns{quantile="0.5"} 1\ns_sum NaN\ns_count 4\n',
      '# TYPE s summary\ns_sum 2\ns_count 1\n',
    ),
  ).toEqual(['s_sum 2', 's_count 1']);
});

test('a quantile that is NaN keeps no count from going on', () => {
  expect(
    add(
      '# TYPE s summary\ns{quantile="0.5"} NaN\ns_sum 3\ns_count 4\n',
      '# TYPE s summary\ns_sum 2\ns_count 1\n',
    ),
  ).toEqual(['s_sum 5', 's_count 5']);
});

test('an empty instance is none, as the gateway adds it; other empty labels are their own', () => {
  expect(add('# TYPE c counter\nc 5\n', '# TYPE c counter\nc{instance=""} 2\n')).toEqual([
    'c{instance=""} 7',
  ]);
  expect(add('# TYPE c counter\nc 5\n', '# TYPE c counter\nc{of=""} 2\n')).toEqual(['c{of=""} 2', 'c 5']);
});

test('buckets are compared whatever their order: the gateway sorts their bounds as texts', () => {
  const histogram = (bounds: readonly string[], count: number) =>
    `# TYPE h histogram\n${bounds.map((le) => `h_bucket{le="${le}"} ${count}\n`).join('')}h_sum 1\nh_count ${count}\n`;
  expect(add(histogram(['+Inf', '1', '10', '2'], 3), histogram(['1', '2', '10', '+Inf'], 1))).toEqual([
    'h_bucket{le="1"} 4',
    'h_bucket{le="2"} 4',
    'h_bucket{le="10"} 4',
    'h_bucket{le="+Inf"} 4',
    'h_sum 2',
    'h_count 4',
  ]);
});
