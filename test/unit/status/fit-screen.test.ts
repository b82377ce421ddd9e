import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { fitScreen } from '../../../src/status/fit-screen.js';

test('what fits a screen is left as it is', () => {
  expect(fitScreen('a\nb\n', 3, 80)).toBe('a\nb\n');
});

test('what does not fit is cut at its end, which says how much there is', () => {
  expect(fitScreen('a\nb\nc\nd\n', 4, 80)).toBe('a\nb\n… and 2 more lines\n');
  expect(fitScreen(`${'a'.repeat(81)}\nb\nc\n`, 4, 80)).toBe(`${'a'.repeat(81)}\n… and 2 more lines\n`);
  expect(fitScreen(`\x1b[31m${'a'.repeat(80)}\x1b[0m\nb\n`, 3, 80)).toContain('\nb\n');
});

test('nothing scrolls off the top, whatever the text', () => {
  const lines = fc.array(
    fc.nat({ max: 300 }).map((length) => 'x'.repeat(length)),
    { minLength: 1 },
  );
  fc.assert(
    fc.property(
      lines,
      fc.integer({ min: 3, max: 50 }),
      fc.integer({ min: 30, max: 200 }),
      (given, rows, columns) => {
        const shown = fitScreen(`${given.join('\n')}\n`, rows, columns)
          .split('\n')
          .slice(0, -1);
        const height = shown.reduce((sum, line) => sum + Math.max(1, Math.ceil(line.length / columns)), 0);
        expect(height).toBeLessThan(rows);
        const kept = shown.at(-1)?.startsWith('… and') ? shown.slice(0, -1) : shown;
        expect(kept).toEqual(given.slice(0, kept.length));
      },
    ),
  );
});
