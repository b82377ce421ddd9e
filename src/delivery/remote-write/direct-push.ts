import { silentLog } from '../../log.js';
import { formatKey, type GroupingKey } from '../grouping-key.js';
import { PushError } from '../http/push-error.js';
import type { RetryLimits } from '../http/try-again.js';
import { processMemory } from './group-memory.js';
import { openReceivers, type ReceiversAccess } from './receiver/open-receivers.js';
import type { Receiver } from './receiver/receiver.js';
import { createUpdates, type Updates } from './updates.js';
import { SeriesProblem } from './wire/series.js';

/** Metrics for receivers of remote write, without a run around them. */
export interface DirectPush {
  /**
   * Sends a text of metrics as they are now. A count has a 0 before the first sample that this source gives of it.
   *
   * @throws PushError of the first receiver that did not store them.
   */
  push(source: object, key: GroupingKey, text: string, limits: RetryLimits): Promise<void>;
  close(): void;
}

/** What each source has begun, by receiver and group. */
const begun = new WeakMap<object, Map<string, Updates>>();

/** @throws UsageError for what is wrong with an address or the file. */
export async function openDirectPush(access: ReceiversAccess): Promise<DirectPush> {
  const receivers = await openReceivers(access, silentLog, (error) => {
    throw error;
  });
  return {
    async push(source, key, text, limits) {
      const pushes = await Promise.allSettled(
        receivers.map((receiver) => pushOne(receiver, source, key, text, limits)),
      );
      for (const each of pushes) if (each.status === 'rejected') throw each.reason;
    },
    close() {
      for (const receiver of receivers) receiver.close();
    },
  };
}

async function pushOne(
  receiver: Receiver,
  source: object,
  key: GroupingKey,
  text: string,
  limits: RetryLimits,
): Promise<void> {
  const id = `${receiver.name} ${formatKey(key)}`;
  const ofSource = begun.get(source) ?? new Map<string, Updates>();
  begun.set(source, ofSource);
  const updates = ofSource.get(id) ?? createUpdates();
  ofSource.set(id, updates);
  try {
    await updates.send(receiver, key, text, processMemory(id).giveSample(Date.now()), limits);
  } catch (error) {
    if (!(error instanceof SeriesProblem)) throw error;
    throw new PushError('OWN_METRICS_REFUSED', error.message, { retryable: false });
  }
}
