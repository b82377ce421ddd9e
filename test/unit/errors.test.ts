import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, test } from 'vitest';
import { stackOf } from '../../src/errors.js';

const own = join(import.meta.dirname, '../../src');
const stack = (...frames: readonly string[]) =>
  Object.assign(new Error('no'), { stack: ['Error: no', ...frames.map((at) => `    at ${at}`)].join('\n') });

test('the stack of an error of the job ends with the job', () => {
  const job = ['save (file:///srv/job (2)/orders.js:3:9)', 'Object.run (file:///srv/job/orders.js:9:1)'];
  const called = [`settle (${own}/job/execute-job.ts:180:2)`, 'process.task (node:internal/queues:105:5)'];
  expect(stackOf(stack(...job, ...called))).toBe(stackOf(stack(...job)));
});

test('a stack that ends elsewhere, or is all ours, stays whole', () => {
  const ours = [`resolveKey (${own}/run/run-options.ts:1:1)`, `async ${own}/main.ts:2:2`];
  const timer = ['Timeout.tick (/srv/job.js:1:1)', 'listOnTimeout (node:internal/timers:581:17)'];
  for (const frames of [ours, timer, [...ours, ...timer], []]) {
    expect(stackOf(stack(...frames))?.split('\n')).toHaveLength(frames.length + 1);
  }
});

test('what prombatch did for the job is shown up to the job', () => {
  const frames = [`progress (${own}/job/a.ts:1:1)`, 'run (/srv/job.js:1:1)', `settle (${own}/job/b.ts:1:1)`];
  expect(stackOf(stack(...frames))).toBe(stackOf(stack(...frames.slice(0, 2))));
});

test('a message of many lines is no stack', () => {
  const error = Object.assign(new Error('x'), { stack: `Error: see\n${own}/a.ts:1:1\nand more` });
  expect(stackOf(error)).toBe(`Error: see\n${own}/a.ts:1:1\nand more`);
});

test('a real error', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'job-'));
  writeFileSync(join(folder, 'job.mjs'), 'export const run = () => { throw new Error("no"); };');
  const { run } = await import(pathToFileURL(join(folder, 'job.mjs')).href);
  let thrown: unknown;
  try {
    run();
  } catch (error) {
    thrown = error;
  }
  expect(stackOf(thrown)).toContain('job.mjs:1:');
});
