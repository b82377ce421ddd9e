import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  lastToldBy,
  lastToldIn,
  lateEntry,
  newestTold,
  saysNothing,
} from '../../../../src/delivery/push/late-entry.js';
import type { RunEntry } from '../../../../src/delivery/push/run-entry.js';
import { parseFamilies } from '../../../../src/exposition/parse.js';

const START = 'batch_job_last_start_timestamp_seconds';
const SUCCESS = 'batch_job_last_success_timestamp_seconds';
const gauge = (name: string, value: number) => `# TYPE ${name} gauge\n${name} ${value}\n`;
const SUMMARY =
  '# TYPE took summary\ntook{quantile="0.5"} 3\ntook_sum 4\ntook_count 1\n# TYPE speed gauge\nspeed 1\n';

const entry = (changes: Partial<RunEntry>): RunEntry => ({
  key: { job: 'a', grouping: [] },
  startedAtMs: 10_000,
  put: false,
  outcome: gauge(START, 10) + gauge(SUCCESS, 11) + gauge('batch_job_success', 1),
  own: SUMMARY,
  accumulate: true,
  ...changes,
});

describe('a late entry', () => {
  test('clears nothing of what a later run has pushed', () => {
    expect(lateEntry(entry({ put: true, accumulate: false }), { [START]: 20 }).put).toBe(false);
  });

  test('tells its counts, but neither quantiles nor gauges', () => {
    expect(lateEntry(entry({}), { [START]: 20 }).own).toBe('# TYPE took summary\ntook_sum 4\ntook_count 1\n');
  });

  test('tells a last success that is newer, and no other', () => {
    expect(lateEntry(entry({}), { [START]: 20, [SUCCESS]: 10 }).outcome).toBe(gauge(SUCCESS, 11));
    expect(lateEntry(entry({}), { [START]: 20, [SUCCESS]: 12 }).outcome).toBe('');
  });

  test('has nothing to tell if it neither counts nor succeeded', () => {
    expect(saysNothing(lateEntry(entry({ accumulate: false }), { [START]: 20, [SUCCESS]: 12 }))).toBe(true);
    expect(saysNothing(entry({}))).toBe(false);
  });
});

test('an entry is not late for its own start', () => {
  const own = entry({});
  expect(lateEntry(own, { [START]: 10.0003 })).toBe(own);
  expect(lateEntry(own, {})).toBe(own);
});

test('of what two sources know the newest counts', () => {
  const held = lastToldBy(parseFamilies(gauge(START, 5) + gauge(SUCCESS, 9) + gauge('other', 1)));
  expect(newestTold(held, { [START]: 7 })).toEqual({ [START]: 7, [SUCCESS]: 9 });
});

test('what an outcome tells is found without reading the rest of it', () => {
  const values = fc.record({ start: fc.double({ noNaN: true }), success: fc.option(fc.nat()) });
  fc.assert(
    fc.property(values, ({ start, success }) => {
      const told = success === null ? '' : gauge(SUCCESS, success);
      const outcome = `${gauge('batch_job_success', 1)}# HELP ${START} ${SUCCESS} 9\n${gauge(START, start)}${told}`;
      fc.pre(Number.isFinite(start));
      expect(lastToldIn({ outcome })).toEqual(lastToldBy(parseFamilies(outcome)));
    }),
  );
});
