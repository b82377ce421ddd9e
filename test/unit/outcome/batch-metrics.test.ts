import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { writeFamilies } from '../../../src/exposition/write.js';
import {
  BATCH_FAMILY_NAMES,
  outcomeFamilies,
  SUCCESS_FAMILY_NAMES,
  startFamilies,
} from '../../../src/outcome/batch-metrics.js';
import type { RunEnd, RunOutcome } from '../../../src/outcome/outcome.js';

const end = fc.constantFrom<RunEnd[]>(
  { status: 'succeeded' },
  { status: 'failed', error: new Error('x') },
  { status: 'timed_out', timeoutMs: 5 },
  { status: 'interrupted', signal: 'SIGTERM' },
);
const outcome = fc
  .record({
    end,
    startedAtMs: fc.integer({ min: 0, max: 4e12 }),
    durationMs: fc.integer({ min: 0, max: 1e9 }),
    recordsProcessed: fc.option(fc.nat(), { nil: undefined }),
    stages: fc.uniqueArray(
      fc.tuple(fc.string({ minLength: 1 }), fc.double({ min: 0, max: 1e6, noNaN: true })),
      {
        selector: ([stage]) => stage,
        maxLength: 3,
      },
    ),
  })
  .map(
    ({ end: how, recordsProcessed, ...facts }): RunOutcome => ({
      ...how,
      startedAtMs: facts.startedAtMs,
      completedAtMs: facts.startedAtMs + facts.durationMs,
      durationSeconds: facts.durationMs / 1000,
      exitCode: how.status === 'succeeded' ? 0 : 1,
      stages: facts.stages,
      ...(recordsProcessed === undefined ? {} : { recordsProcessed }),
    }),
  );

test('the success families are pushed by a success and by nothing else, whatever the run', () => {
  const seen = new Set<string>();
  fc.assert(
    fc.property(outcome, fc.boolean(), (given, metricsRejected) => {
      const text = writeFamilies(outcomeFamilies(given, { dueAtMs: 7e12, metricsRejected }));
      seen.add(given.status);
      expect(text.includes('batch_job_last_success_timestamp_seconds')).toBe(given.status === 'succeeded');
      expect(text.includes('batch_job_success_due_timestamp_seconds')).toBe(given.status === 'succeeded');
    }),
  );
  expect(seen.size).toBe(4);
  expect(writeFamilies(startFamilies(1))).not.toContain('success');
});

test('every family is a gauge with a help, and its name is reserved', () => {
  fc.assert(
    fc.property(outcome, (given) => {
      for (const family of outcomeFamilies(given, { dueAtMs: 1, metricsRejected: false })) {
        expect(family.type).toBe('gauge');
        expect(family.help).toMatch(/\.$/);
        expect(BATCH_FAMILY_NAMES).toContain(family.name);
        expect(family.samples.length).toBeGreaterThan(0);
      }
    }),
  );
});

test('times are seconds, and what was not reported is not pushed', () => {
  const text = writeFamilies(
    outcomeFamilies(
      {
        status: 'succeeded',
        startedAtMs: 1_700_000_000_123,
        completedAtMs: 1_700_000_001_623,
        durationSeconds: 1.5,
        exitCode: 0,
        stages: [['load "x"', 0.25]],
      },
      { metricsRejected: true },
    ),
  );
  expect(text.split('\n').filter((line) => !line.startsWith('#'))).toEqual([
    'batch_job_last_start_timestamp_seconds 1700000000.123',
    'batch_job_last_completion_timestamp_seconds 1700000001.623',
    'batch_job_last_success_timestamp_seconds 1700000001.623',
    'batch_job_duration_seconds 1.5',
    'batch_job_success 1',
    'batch_job_exit_code 0',
    'batch_job_stage_duration_seconds{stage="load \\"x\\""} 0.25',
    'batch_job_metrics_rejected 1',
    'batch_job_info{version="0.1.0"} 1',
    '',
  ]);
});

test("the README's table has a row for each, which says by which push it goes", () => {
  const readme = readFileSync(new URL('../../../README.md', import.meta.url), 'utf8');
  const rows = [...readme.matchAll(/^\| `(batch_job_\w+)(?:\{\w+\})?` +\|[^|]*\| (.*?) *\|$/gm)];
  expect(rows.map(([, name]) => name)).toEqual(BATCH_FAMILY_NAMES);
  for (const [, name = '', pushed = ''] of rows) {
    expect(pushed.startsWith('by a success only'), name).toBe(SUCCESS_FAMILY_NAMES.includes(name));
  }
});
