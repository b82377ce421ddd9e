import fc from 'fast-check';
import { Counter, Gauge, Histogram, Registry, Summary } from 'prom-client';
import { expect, test } from 'vitest';
import { inTextFormat } from '../../../src/exposition/open-metrics.js';
import { parseFamilies } from '../../../src/exposition/parse.js';

const label = fc.string({ unit: fc.constantFrom('a', ' ', '#', '{', '}', '"', '\\', '\n', ',') });

test('what a registry writes in OpenMetrics is what it writes in the text format, exemplars aside', async () => {
  await fc.assert(
    fc.asyncProperty(label, fc.integer({ min: 1, max: 9 }), label, async (of, value, trace) => {
      const registry = new Registry();
      registry.setContentType(Registry.OPENMETRICS_CONTENT_TYPE as never);
      const registers = [registry];
      const common = {
        help: 'What "it" \\ is:\nlines.',
        registers,
        labelNames: ['of'],
        enableExemplars: true,
      };
      const exemplarLabels = { trace };
      new Counter({ ...common, name: 'rows_total' }).inc({ labels: { of }, value, exemplarLabels });
      new Gauge({ ...common, name: 'size_total' }).set({ of }, value);
      new Histogram({ ...common, name: 'h', buckets: [5] }).observe({
        labels: { of },
        value,
        exemplarLabels,
      });
      new Summary({ ...common, name: 's' }).observe({ of }, value);
      const open = await registry.metrics();
      registry.setContentType(Registry.PROMETHEUS_CONTENT_TYPE);
      // prom-client keeps the name that it has cut for OpenMetrics.
      const plain = (await registry.metrics()).replaceAll('rows', 'rows_total');
      expect(open).toContain(' # {');
      expect(parseFamilies(inTextFormat(open))).toEqual(parseFamilies(`${plain.trimEnd()}\n`));
    }),
  );
});

test.each([
  ['# TYPE rows counter\nrows 1\n'],
  ['# HELP rows ends with\n# EOF \nrows 1\n'],
  ['rows{of="\n# EOF"} 1\n'],
  [''],
])('%j is not OpenMetrics, and stays as it is', (text) => {
  expect(inTextFormat(text)).toBe(text);
});

test.each([
  ['# EOF\n', ''],
  ['# EOF', ''],
  [
    '# HELP rows r\n# TYPE rows counter\n# UNIT rows rows\nrows_total 1 # {} 2\n# EOF\n',
    '# HELP rows_total r\n# TYPE rows_total counter\nrows_total 1\n',
  ],
  ['# TYPE x unknown\nx 1\n# TYPE b info\nb_info{v="1"} 1\n# EOF\n', 'x 1\nb_info{v="1"} 1\n'],
  ['# TYPE g gauge\n# HELP g say \\"x\\"\ng 1\n# EOF', '# TYPE g gauge\n# HELP g say "x"\ng 1\n'],
  ['rows{of="a"} 1 1700000000.5 # {a="b"} 1 1.5\n# EOF\n', 'rows{of="a"} 1 1700000000.5\n'],
])('%j becomes %j', (given, expected) => {
  expect(inTextFormat(given)).toBe(expected);
});
