import { expect, test } from 'vitest';
import type { Output } from '../../../src/process/host.js';
import { barLine, createProgressBar } from '../../../src/process/progress-bar.js';

function terminal(isTTY = true): Output & { written: string[] } {
  const written: string[] = [];
  return { written, isTTY, columns: () => 60, rows: () => 24, write: (text) => void written.push(text) };
}

test.each([
  [0, 4, 40, 'job [-----------------------------] 0/4'],
  [2, 4, 40, 'job [###############--------------] 2/4'],
  [9, 4, 40, 'job [#############################] 9/4'],
  [5, undefined, 40, 'job 5'],
  [5, 10, 12, 'job 5/10'],
  [5, 10, 6, 'job 5'],
])('%i of %s in %i columns', (done, total, columns, line) => {
  expect(barLine('job', done, total, columns)).toBe(line);
  expect(line.length).toBeLessThan(columns);
});

test('draws on a terminal, no more than ten times a second, and always the last step', () => {
  const output = terminal();
  const bar = createProgressBar(output, 'job', true);
  for (let done = 0; done <= 100_000; done++) bar.update(done, 100_000);
  expect(output.written.length).toBeLessThan(50);
  expect(output.written.at(-1)).toContain('100000/100000');
});

test('a line is printed above the bar, and a cleared bar leaves nothing', () => {
  const output = terminal();
  const bar = createProgressBar(output, 'job', true);
  bar.update(1, 2);
  bar.print('hello\n');
  expect(output.written.at(-1)).toMatch(/^\r.\[Khello\njob \[/);
  bar.clear();
  bar.print('bye\n');
  expect(output.written.slice(-2)).toEqual(['\r\x1b[K', 'bye\n']);
});

test.each([
  [false, true],
  [true, false],
])(
  'without a terminal, or where it is not wanted, nothing is drawn (terminal %s, wanted %s)',
  (isTTY, wanted) => {
    const output = terminal(isTTY);
    const bar = createProgressBar(output, 'job', wanted);
    bar.update(1, 2);
    bar.clear();
    bar.print('text\n');
    expect(output.written).toEqual(['text\n']);
  },
);
