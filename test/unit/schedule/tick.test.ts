import fc from 'fast-check';
import { expect, test } from 'vitest';
import { decideTick, isStuck } from '../../../src/schedule/tick.js';

test('whatever comes: never two runs at once, no tick twice, no more runs than asked for, none while stopping', () => {
  const step = fc.record({
    tickMs: fc.integer({ min: 0, max: 20 }),
    ends: fc.boolean(),
    stops: fc.boolean(),
  });
  const seen = new Set<string>();
  fc.assert(
    fc.property(
      fc.array(step),
      fc.option(fc.integer({ min: 1, max: 5 }), { nil: undefined }),
      (steps, maxRuns) => {
        let running = false;
        let started = 0;
        let stopping = false;
        let lastTickMs: number | undefined;
        const acted: number[] = [];
        for (const { tickMs, ends, stops } of steps) {
          if (ends) running = false;
          stopping ||= stops && started > 3;
          const action = decideTick({ running, started, lastTickMs, stopping }, tickMs, maxRuns);
          seen.add(action);
          if (action === 'ignore') continue;
          expect(stopping).toBe(false);
          acted.push(tickMs);
          lastTickMs = tickMs;
          expect(action).toBe(running ? 'skip' : 'run');
          if (action === 'run') {
            running = true;
            started++;
          }
        }
        expect(started).toBeLessThanOrEqual(maxRuns ?? Number.POSITIVE_INFINITY);
        expect(acted).toEqual([...new Set(acted)].sort((a, b) => a - b));
      },
    ),
  );
  expect(seen).toEqual(new Set(['run', 'skip', 'ignore']));
});

test('a schedule is stuck when its next tick is long over', () => {
  expect(isStuck(undefined, 1e12)).toBe(false);
  expect(isStuck(1000, 30_000)).toBe(false);
  expect(isStuck(1000, 90_000)).toBe(true);
});
