import { expect, test } from 'vitest';
import { dialectDifferences } from '../../../src/schedule/dialects.js';

test.each([
  ['0 3 * * 1-5', []],
  ['*/5 * * * *', []],
  ['@daily', []],
  ['0 0 1 jul *', []],
  ['0 0 * * wed', []],
  ['0 0 13 * 5', ['days']],
  ['0 0 */2 * MON', ['days']],
  ['*/10 * * * * *', ['seconds']],
  ['0 0 L * *', ['L, W and #']],
  ['0 0 15W * *', ['L, W and #']],
  ['0 0 * * 5#2', ['L, W and #']],
  ['0 0 * * 5L', ['L, W and #']],
  ['0 0 * * 7', ['Sunday as 7']],
  ['0 0 * * 1,5-7', ['Sunday as 7']],
  ['0 22-2 * * *', ['a range that ends before it begins']],
  ['0 0 * * 5-1', ['a range that ends before it begins']],
  ['0 0 * * fri-mon', ['a range that ends before it begins']],
  ['0 0 * nov-feb *', ['a range that ends before it begins']],
  ['0 0 * jan-feb mon-fri', []],
  ['0 0 ? * *', ['?']],
  ['@Daily', ['a name with capitals']],
  ['0 0 0 1 * 7', ['days', 'seconds', 'Sunday as 7']],
])('%j is read otherwise elsewhere in %j', (expression, topics) => {
  const differences = dialectDifferences(expression);
  expect(differences.map((difference) => difference.split(':')[0])).toEqual(topics);
  for (const difference of differences) expect(difference).toMatch(/node-cron .*Kubernetes/);
});
