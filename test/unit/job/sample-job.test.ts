import { expect, test } from 'vitest';
import { createRandom, waveAt } from '../../../src/job/sample-job.js';

test('the wave is 0, then 1, 2 … 10, 9 … 0, 1 … with a period of 20', () => {
  const wave = Array.from({ length: 23 }, (_, position) => waveAt(position));
  expect(wave).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0, 1, 2]);
});

test('thirteen ticks a run, carried on, visit every value of the wave', () => {
  const visited = new Set(Array.from({ length: 20 }, (_, run) => (run * 13) % 20));
  expect(visited.size).toBe(20);
});

test('seeded numbers are spread evenly over [0, 1)', () => {
  const random = createRandom(7);
  const counts = new Array(6).fill(0);
  for (let drawn = 0; drawn < 60_000; drawn++) counts[Math.floor(random() * 6)]++;
  for (const count of counts) expect(Math.abs(count - 10_000)).toBeLessThan(500);
});
