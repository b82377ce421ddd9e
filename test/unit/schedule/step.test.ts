import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  INITIAL,
  isStuck,
  type ScheduleEffect,
  type ScheduleEvent,
  type ScheduleState,
  step,
} from '../../../src/schedule/step.js';

const status = fc.constantFrom('succeeded', 'failed', 'timed_out', 'interrupted');
/** Any event at any time, of a clock that jumps back and forth. */
const event: fc.Arbitrary<ScheduleEvent> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ type: fc.constant('tick'), tickMs: fc.integer({ min: 0, max: 30 }) }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('missed'), tickMs: fc.nat(30) }) },
  { weight: 4, arbitrary: fc.constant({ type: 'jitterOver' }) },
  { weight: 3, arbitrary: fc.constant({ type: 'jobEnded' }) },
  {
    weight: 4,
    arbitrary: fc.record({
      type: fc.constant('runEnded'),
      status,
      pushFailed: fc.boolean(),
      deliveredAtMs: fc.option(fc.nat(30), { nil: undefined }),
    }),
  },
  { weight: 1, arbitrary: fc.constant({ type: 'runNow' }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('stop'), signal: fc.constant('SIGTERM') }) },
  { weight: 1, arbitrary: fc.constant({ type: 'graceOver' }) },
) as fc.Arbitrary<ScheduleEvent>;
const maxRuns = fc.option(fc.integer({ min: 1, max: 5 }), { nil: undefined });

/** Carries events out; `look` sees each state with the effects that led to it. */
function carryOut(
  events: readonly ScheduleEvent[],
  most: number | undefined,
  look: (state: ScheduleState, effects: readonly ScheduleEffect[], given: ScheduleEvent) => void = () => {},
): { state: ScheduleState; effects: ScheduleEffect[] } {
  let state = INITIAL;
  const all: ScheduleEffect[] = [];
  for (const given of events) {
    const next = step(state, given, most);
    state = next.state;
    all.push(...next.effects);
    look(state, next.effects, given);
  }
  return { state, effects: all };
}
const count = (effects: readonly ScheduleEffect[], type: ScheduleEffect['type']): number =>
  effects.filter((effect) => effect.type === type).length;
const endedRuns = ({ runs }: ScheduleState): number => Object.values(runs).reduce((sum, n) => sum + n, 0);

test('whatever comes: never two runs at once, and each run that begins ends once', () => {
  let severalRuns = 0;
  fc.assert(
    fc.property(fc.array(event, { maxLength: 60, size: 'max' }), maxRuns, (events, most) => {
      let running = 0;
      let ended = 0;
      carryOut(events, most, (state, effects) => {
        running += count(effects, 'run');
        ended = endedRuns(state);
        expect(running - ended).toBe(state.phase === 'job' || state.phase === 'delivering' ? 1 : 0);
        if (running > 1) severalRuns++;
      });
    }),
  );
  expect(severalRuns).toBeGreaterThan(50);
});

test('whatever comes: the counts add up, and no tick is acted on twice', () => {
  fc.assert(
    fc.property(fc.array(event, { maxLength: 60, size: 'max' }), maxRuns, (events, most) => {
      const acted: number[] = [];
      const { state, effects } = carryOut(events, most, (_, made, given) => {
        if (given.type === 'tick' && made.some(({ type }) => type === 'wait' || type === 'logSkipped'))
          acted.push(given.tickMs);
      });
      expect(acted).toEqual([...new Set(acted)].sort((a, b) => a - b));
      expect(state.skipped).toBe(count(effects, 'logSkipped'));
      expect(state.missed).toBe(count(effects, 'logMissed'));
      const begun = state.phase === 'idle' ? 0 : 1;
      expect(state.started).toBe(endedRuns(state) + begun);
      expect(state.started).toBeLessThanOrEqual(most ?? Number.POSITIVE_INFINITY);
    }),
  );
});

test('whatever comes: once it is told to stop nothing begins, and it ends once, when the last run has ended', () => {
  const seen = { ended: 0, aborted: 0 };
  fc.assert(
    fc.property(fc.array(event, { maxLength: 60, size: 'max' }), maxRuns, (events, most) => {
      let stopped = false;
      const { state, effects } = carryOut(events, most, (now, made) => {
        const begins = made.some(({ type }) => type === 'wait' || type === 'run');
        expect(stopped && begins).toBe(false);
        stopped = now.stoppedBy !== undefined;
        expect(now.ended).toBe(now.ended && now.phase === 'idle');
        if (now.aborted) expect(now.stoppedBy).toBe('SIGTERM');
      });
      expect(count(effects, 'finish')).toBe(state.ended ? 1 : 0);
      expect(effects.slice(effects.findIndex(({ type }) => type === 'finish') + 1).length).toBe(
        state.ended ? 0 : effects.length,
      );
      const over = state.stoppedBy !== undefined || (most !== undefined && state.started >= most);
      if (over && state.phase === 'idle') expect(state.ended).toBe(true);
      if (state.ended) seen.ended++;
      if (state.aborted) seen.aborted++;
    }),
    { numRuns: 1000 },
  );
  expect(seen.ended).toBeGreaterThan(100);
  expect(seen.aborted).toBeGreaterThan(0);
});

const TICK: ScheduleEvent = { type: 'tick', tickMs: 1000 };
const STOP: ScheduleEvent = { type: 'stop', signal: 'SIGTERM' };

test.each<[string, ScheduleEvent[], ScheduleEffect['type'][]]>([
  ['between two runs ends at once', [STOP], ['stopTicks', 'stopTicks', 'cancelTimer', 'finish']],
  ['during a jitter lets no run begin', [TICK, STOP], ['cancelTimer', 'stopTicks', 'cancelTimer', 'finish']],
  ['during a job gives it the grace period', [TICK, { type: 'jitterOver' }, STOP], ['stopTicks', 'grace']],
  [
    'during a delivery shortens that',
    [TICK, { type: 'jitterOver' }, { type: 'jobEnded' }, STOP],
    ['stopTicks', 'hurryDelivery'],
  ],
  [
    'and then the end of the job shortens its delivery',
    [TICK, { type: 'jitterOver' }, STOP, { type: 'jobEnded' }],
    ['cancelTimer', 'hurryDelivery'],
  ],
  [
    'and then the end of the grace period stops the job',
    [TICK, { type: 'jitterOver' }, STOP, { type: 'graceOver' }],
    ['abortJob'],
  ],
  ['is heard once', [TICK, { type: 'jitterOver' }, STOP, STOP], []],
])('a stop %s', (_, events, expected) => {
  let last: readonly ScheduleEffect[] = [];
  carryOut(events, undefined, (_state, effects) => {
    last = effects;
  });
  expect(last.map(({ type }) => type)).toEqual(expected);
});

test('a schedule is stuck when its next tick is long over', () => {
  expect(isStuck(undefined, 1e12)).toBe(false);
  expect(isStuck(1000, 30_000)).toBe(false);
  expect(isStuck(1000, 90_000)).toBe(true);
});
