import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { startDeadline } from '../../../../src/delivery/deadline.js';
import { PushRejected } from '../../../../src/delivery/http/push-error.js';
import type { Receiver } from '../../../../src/delivery/remote-write/receiver/receiver.js';
import { type Part, sendParts } from '../../../../src/delivery/remote-write/send-parts.js';
import { type Series, seriesKey } from '../../../../src/delivery/remote-write/wire/series.js';

/** What a receiver leaves stored of a request that it refuses. */
type Refusal = 'nothing' | 'good samples';

interface Model {
  readonly receiver: Receiver;
  readonly requests: () => number;
  /** The times that are stored, by series. */
  stored(name: string): number[];
}

/**
 * A receiver that orders by time, as Prometheus does without a window. A value of -1 stands for a series that it refuses
 * for what it is, as one with too long a label, before it looks at times.
 */
function modelReceiver(refusal: Refusal, lost: 'no' | 'before' | 'after', newestMs = 0): Model {
  const held = new Map<string, number[]>();
  let requests = 0;
  const take = (series: readonly Series[]): 'stored' | 'too old' | 'bad' => {
    const all = series.flatMap(({ labels, samples }) => samples.map((sample) => ({ labels, ...sample })));
    const bad = new Set(
      all.filter(({ value }) => value === -1).flatMap(({ timeMs }) => [timeMs - 1, timeMs]),
    );
    const before = new Map([...held].map(([name, times]) => [name, [...times]]));
    let problem: 'too old' | 'bad' | undefined;
    for (const { labels, timeMs } of all) {
      const times = held.get(seriesKey(labels)) ?? [newestMs];
      held.set(seriesKey(labels), times);
      const last = times.at(-1) ?? 0;
      if (bad.has(timeMs)) problem = 'bad';
      else if (timeMs < last) problem ??= 'too old';
      else if (timeMs > last) times.push(timeMs);
    }
    if (!problem) return 'stored';
    // Prometheus stores nothing of a request that it refuses for its times.
    if (problem === 'too old' || refusal === 'nothing') {
      held.clear();
      for (const [name, times] of before) held.set(name, times);
    }
    return problem;
  };
  const receiver: Receiver = {
    name: 'model',
    flags: [],
    close() {},
    async send(series) {
      requests++;
      const maybeStored = requests === 1 && lost !== 'no';
      if (maybeStored && lost === 'after') take(series);
      const end = take(series);
      if (end === 'stored') return { status: 'stored' };
      const error = new PushRejected('X', end, { retryable: false });
      return { status: 'refused', error, tooOld: end === 'too old', maybeStored };
    },
  };
  return {
    receiver,
    requests: () => requests,
    stored: (name) => (held.get(seriesKey([['__name__', name]])) ?? []).filter((time) => time > newestMs),
  };
}

const part = (timeMs: number, value = 1, zero = false): Part<number> => ({
  of: timeMs,
  group: 'g',
  series: [
    {
      labels: [['__name__', 'a']],
      samples: [...(zero ? [{ value: 0, timeMs: timeMs - 1 }] : []), { value, timeMs }],
    },
  ],
});
const send = async (model: Model, parts: readonly Part<number>[], inDoubt = false) => {
  const deadline = startDeadline(10_000);
  const verdicts = await sendParts(model.receiver, parts, { deadline }, inDoubt);
  deadline.dispose();
  return Object.fromEntries([...verdicts].map(([of, { stored }]) => [of, stored]));
};
const times = fc
  .uniqueArray(fc.integer({ min: 1, max: 50 }), { minLength: 1, maxLength: 12 })
  .map((drawn) => drawn.map((time) => time * 4).sort((a, b) => a - b));

describe('parts of one request', () => {
  test('what is said to be stored is, and what is refused as too old is not', async () => {
    await fc.assert(
      fc.asyncProperty(
        times,
        fc.integer({ min: 0, max: 100 }),
        fc.boolean(),
        async (given, newestMs, zero) => {
          const model = modelReceiver('nothing', 'no', newestMs);
          const verdicts = await send(
            model,
            given.map((time) => part(time, 1, zero)),
          );
          const stored = new Set(model.stored('a'));
          for (const time of given) {
            // To repeat the last sample is allowed: it is there.
            expect(verdicts[time]).toBe(stored.has(time) || time === newestMs);
          }
        },
      ),
    );
  });

  test('whose answer is lost are stored once, whether it was lost before or after they were stored', async () => {
    await fc.assert(
      fc.asyncProperty(
        times,
        fc.constantFrom('before' as const, 'after' as const),
        fc.boolean(),
        fc.boolean(),
        async (given, lost, zero, inDoubt) => {
          const model = modelReceiver('nothing', lost);
          const verdicts = await send(
            model,
            given.map((time) => part(time, 1, zero)),
            inDoubt,
          );
          expect(Object.values(verdicts).every((stored) => stored)).toBe(true);
          expect(model.stored('a').filter((time) => time % 4 === 0)).toEqual(given);
        },
      ),
    );
  });

  test.each(['nothing', 'good samples'] as const)(
    'with one that is bad are stored but for that, if a refusal leaves %s stored',
    async (refusal) => {
      await fc.assert(
        fc.asyncProperty(times, fc.nat(), fc.boolean(), async (given, drawn, zero) => {
          const bad = given[drawn % given.length];
          const model = modelReceiver(refusal, 'no');
          const verdicts = await send(
            model,
            given.map((time) => part(time, time === bad ? -1 : 1, zero)),
          );
          expect(verdicts).toEqual(Object.fromEntries(given.map((time) => [time, time !== bad])));
          expect(model.stored('a').filter((time) => time % 4 === 0)).toEqual(
            given.filter((time) => time !== bad),
          );
        }),
      );
    },
  );

  test('of which one is bad are found by halving', async () => {
    const model = modelReceiver('nothing', 'no');
    const given = Array.from({ length: 256 }, (_, index) => index * 4 + 4);
    await send(
      model,
      given.map((time) => part(time, time === 400 ? -1 : 1)),
    );
    expect(model.requests()).toBeLessThan(20);
  });
});
