import type { GroupingKey } from '../grouping-key.js';
import type { RetryLimits } from '../http/try-again.js';
import type { Entry } from './entry/entry.js';
import { inRequests, ownSeries } from './entry/requests.js';
import { SAMPLE_FAR_AHEAD } from './receiver/answers.js';
import type { Receiver } from './receiver/receiver.js';
import { type Series, seriesKey } from './wire/series.js';

/** The job's own metrics while it runs, and which series they have begun. */
export interface Updates {
  /** @throws PushError or SeriesProblem */
  send(
    receiver: Receiver,
    key: GroupingKey,
    text: string,
    timeMs: number,
    limits: RetryLimits,
  ): Promise<void>;
  /** For the entry of the run. */
  begun(): Entry['begun'];
  refuse(): void;
  refused(): boolean;
}

export function createUpdates(): Updates {
  /** The time of each series' first 0, or `null` once the receiver has acknowledged it. */
  const zeros = new Map<string, number | null>();
  let isRefused = false;

  const note = (
    series: readonly Series[],
    zeroMs: (held: number | null | undefined) => number | null,
  ): void => {
    for (const { labels } of series) {
      const id = seriesKey(labels);
      zeros.set(id, zeroMs(zeros.get(id)));
    }
  };

  const restore = (series: readonly Series[], before: ReadonlyMap<string, number | null>): void => {
    for (const { labels } of series) {
      const id = seriesKey(labels);
      const held = before.get(id);
      if (held === undefined) zeros.delete(id);
      else zeros.set(id, held);
    }
  };

  return {
    async send(receiver, key, text, timeMs, limits) {
      const entry: Entry = {
        key,
        startedAtMs: 0,
        startStored: true,
        outcome: '',
        outcomeAlone: '',
        own: text,
        begun: [...zeros],
      };
      for (const series of inRequests(ownSeries(entry, { startMs: 0, endMs: timeMs }))) {
        const before = new Map(zeros);
        // They may be stored whatever comes back: a 0 at another time would count what they counted twice.
        note(series, (held) => (held === undefined ? timeMs - 1 : held));
        const result = await receiver.send(series, limits);
        if (result.status === 'stored') note(series, () => null);
        else {
          const farAhead = result.error.code === SAMPLE_FAR_AHEAD;
          if (farAhead || (result.status === 'unavailable' && !result.maybeStored)) restore(series, before);
          throw result.error;
        }
      }
    },
    begun: () => [...zeros],
    refuse() {
      isRefused = true;
    },
    refused: () => isRefused,
  };
}
