import { defineConfig } from 'vitest/config';
import { LongestFirst } from './test/support/longest-first.js';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    globalSetup: './test/support/temporary-folder.ts',
    // Most tests wait for processes and servers: on two cores six workers take a third of the time of one.
    maxWorkers: 6,
    // A worker loads a module once, not once a file: a fifth of the processor time. What a file changes, it puts back.
    isolate: false,
    sequence: { sequencer: LongestFirst },
    reporters: ['default', './test/support/count-reporter.ts'],
  },
});
