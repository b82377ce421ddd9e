import type { PushError } from '../http/push-error.js';
import type { RetryLimits } from '../http/try-again.js';
import type { Receiver, SendResult } from './receiver/receiver.js';
import { mergeSeries, newestAlone, type Series } from './wire/series.js';

/** What one entry has in a request. */
export interface Part<T> {
  readonly of: T;
  /** Parts of one group are in the order of their times; what was stored of one group says nothing of another. */
  readonly group: string;
  readonly series: readonly Series[];
  /** What goes if `series` is refused as too old. */
  readonly otherwise?: readonly Series[];
}

/** What became of a part: it is stored, or why it never will be. */
export type Verdict =
  | { readonly stored: true }
  | { readonly stored: false; readonly error: PushError; readonly tooOld: boolean };

/** A receiver that cannot take anything now. */
export class Unavailable extends Error {
  readonly error: PushError;

  constructor(error: PushError) {
    super(error.message);
    this.name = 'Unavailable';
    this.error = error;
  }
}

type Refused = Extract<SendResult, { readonly status: 'refused' }>;

/**
 * Sends the parts as one request. If that is refused, they are halved until the bad ones are found: receivers differ in
 * what a refused request leaves stored, and to repeat what is stored changes nothing.
 *
 * @param inDoubt whether an earlier process may have sent these parts as one request.
 * @throws Unavailable
 */
export async function sendParts<T>(
  receiver: Receiver,
  parts: readonly Part<T>[],
  limits: RetryLimits,
  inDoubt = false,
): Promise<Map<T, Verdict>> {
  const [only] = parts;
  if (!only) return new Map();
  if (parts.length === 1) return new Map([[only.of, await sendOne(receiver, only, limits)]]);
  const result = await send(receiver, mergeSeries(parts.flatMap(({ series }) => series)), limits);
  if (result === 'stored') return new Map(parts.map(({ of }) => [of, { stored: true }]));
  if (result.tooOld && (inDoubt || result.maybeStored)) return sendInDoubt(receiver, parts, limits);
  const middle = Math.ceil(parts.length / 2);
  const verdicts = new Map([
    ...(await sendParts(receiver, parts.slice(0, middle), limits)),
    ...(await sendParts(receiver, parts.slice(middle), limits)),
  ]);
  // If the whole was refused for another reason, the good ones of it may be stored, and are too old for that alone.
  const mixed = !result.tooOld && [...verdicts.values()].some((verdict) => !verdict.stored && verdict.tooOld);
  return mixed ? sendInDoubt(receiver, parts, limits) : verdicts;
}

/**
 * The parts one by one, the oldest first. All of them may be stored already: each but the newest is then refused as out
 * of order, and the newest is not, for to repeat a series' last sample is allowed.
 */
async function sendInDoubt<T>(
  receiver: Receiver,
  parts: readonly Part<T>[],
  limits: RetryLimits,
): Promise<Map<T, Verdict>> {
  const verdicts = new Map<T, Verdict>();
  for (const part of parts) verdicts.set(part.of, await sendOne(receiver, part, limits));
  for (const group of new Set(parts.map((part) => part.group))) {
    const told = parts
      .filter((part) => part.group === group)
      .map(({ of }) => ({ of, verdict: verdicts.get(of) }));
    const [newest, ...more] = told.filter(({ verdict }) => verdict?.stored);
    if (!newest || more.length > 0) continue;
    for (const { of, verdict } of told.slice(0, told.indexOf(newest))) {
      if (verdict && !verdict.stored && verdict.tooOld) verdicts.set(of, { stored: true });
    }
  }
  return verdicts;
}

/**
 * One part. If it is refused as too old, each series' newest sample goes alone: that is allowed only if it is the last
 * that the receiver has, or newer.
 */
async function sendOne<T>(
  receiver: Receiver,
  { series, otherwise }: Part<T>,
  limits: RetryLimits,
): Promise<Verdict> {
  const result = await send(receiver, series, limits);
  if (result === 'stored') return { stored: true };
  const several = series.some(({ samples }) => samples.length > 1);
  const second = otherwise ?? (several ? newestAlone(series) : undefined);
  if (result.tooOld && second && (await send(receiver, second, limits)) === 'stored') return { stored: true };
  return { stored: false, error: result.error, tooOld: result.tooOld };
}

async function send(
  receiver: Receiver,
  series: readonly Series[],
  limits: RetryLimits,
): Promise<'stored' | Refused> {
  const result = await receiver.send(series, limits);
  if (result.status === 'stored') return 'stored';
  if (result.status === 'unavailable') throw new Unavailable(result.error);
  return result;
}
