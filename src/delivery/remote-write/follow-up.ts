import { SUCCESS_FAMILY_NAMES } from '../../outcome/batch-metrics.js';
import { type PushError, PushRejected } from '../http/push-error.js';
import type { RetryLimits } from '../http/try-again.js';
import type { Entry } from './entry/entry.js';
import { lastKnownSeries, loneOutcomeSeries, outcomeSeries, rejectedSeries } from './entry/requests.js';
import type { GroupMemory } from './group-memory.js';
import { SAMPLE_TOO_OLD } from './receiver/answers.js';
import type { Receiver } from './receiver/receiver.js';
import type { OutgoingEntry, SentEntry } from './send-entries.js';
import { sendParts, type Verdict } from './send-parts.js';
import type { Series } from './wire/series.js';

/** What an entry comes to. */
export type Settled =
  | { readonly status: 'delivered' }
  /** The outcome is stored; `aside` is what of the entry is never to be sent. */
  | { readonly status: 'outcome_only'; readonly error: PushError; readonly aside: Entry }
  | { readonly status: 'refused'; readonly error: PushError };

/**
 * Sends what a refusal calls for: that the job's own metrics were refused, the outcome without what the job's labels
 * could spoil, or what must be known of a run whose time has passed.
 *
 * @throws Unavailable
 */
export async function followUp(
  receiver: Receiver,
  each: OutgoingEntry,
  { outcome, own }: SentEntry,
  memory: GroupMemory,
  limits: RetryLimits,
): Promise<Settled> {
  const { entry, times } = each;
  const send = (series: readonly Series[]): Promise<Verdict> => sendAlone(receiver, each, series, limits);
  if (!outcome.stored) {
    if (outcome.tooOld) return tellLastKnown(receiver, each, outcome.error, memory, limits);
    const lone = loneOutcomeSeries(entry, times);
    if (lone.length === outcomeSeries(entry, times).length - 1 || !(await send(lone)).stored)
      return { status: 'refused', error: outcome.error };
    await send(rejectedSeries(entry, times));
    return { status: 'outcome_only', error: outcome.error, aside: entry };
  }
  if (!own || own.stored) return { status: 'delivered' };
  await send(rejectedSeries(entry, times));
  return { status: 'outcome_only', error: own.error, aside: entry };
}

/**
 * If no newer run is known, the values that are times go once more, at the present time: else the receiver would hold
 * an older run to be the last.
 */
async function tellLastKnown(
  receiver: Receiver,
  each: OutgoingEntry,
  error: PushError,
  memory: GroupMemory,
  limits: RetryLimits,
): Promise<Settled> {
  const unknown = (): { run: boolean; success: boolean } => {
    const newer = memory.newerRuns(each.times.endMs);
    return { run: !newer.run, success: !newer.success };
  };
  const before = unknown();
  if (!before.run && !before.success) return { status: 'refused', error };
  const nowMs = memory.giveSample(Date.now(), before.run);
  // A run that has ended since has found this time given, and its own is later.
  const series = lastKnownSeries(each.entry, nowMs, unknown(), SUCCESS_FAMILY_NAMES);
  if (series.length === 0) return { status: 'refused', error };
  const verdict = await sendAlone(receiver, each, series, limits);
  if (!verdict.stored) return { status: 'refused', error };
  const names = 'its times alone were sent once more, as of now';
  return { status: 'refused', error: withWords(error, names) };
}

async function sendAlone(
  receiver: Receiver,
  each: OutgoingEntry,
  series: readonly Series[],
  limits: RetryLimits,
): Promise<Verdict> {
  const verdicts = await sendParts(receiver, [{ of: each, group: each.group, series }], limits);
  return verdicts.get(each) ?? { stored: true };
}

function withWords({ message, hint, status }: PushError, words: string): PushRejected {
  return new PushRejected(SAMPLE_TOO_OLD, `${message}; ${words}`, {
    retryable: false,
    ...(status === undefined ? {} : { status }),
    ...(hint === undefined ? {} : { hint }),
  });
}
