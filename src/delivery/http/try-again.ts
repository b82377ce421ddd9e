import { setTimeout as wait } from 'node:timers/promises';
import { monotonicMs } from '../../clock.js';
import type { Log } from '../../log.js';
import type { Deadline } from '../deadline.js';
import type { RequestLimits } from './connection.js';
import { PushError, PushTimedOut } from './push-error.js';
import { isCutShort, planRetry, tryLimitMs } from './retry-plan.js';

/** How long something is tried again. */
export interface RetryLimits {
  /** Bounds all tries together. */
  readonly deadline: Deadline;
  /** Ends the push at once when it aborts. */
  readonly signal?: AbortSignal;
  /** By default a push is tried again while there is a point in it. */
  readonly once?: boolean;
  /** Bounds each try, in milliseconds. */
  readonly tryMs?: number | undefined;
}

/**
 * Tries until there is no point in another try (`planRetry`).
 *
 * @param attempt resolves with why it failed, if it did.
 * @throws PushError the last one, with how much was tried.
 */
export async function tryAgain<T>(
  attempt: (limits: RequestLimits) => Promise<T | PushError>,
  limits: RetryLimits,
  log: Log,
): Promise<T> {
  const { deadline, signal, once = false, tryMs = Number.POSITIVE_INFINITY } = limits;
  const ends = signal ? AbortSignal.any([deadline.signal, signal]) : deadline.signal;
  const startMark = monotonicMs();
  let before: PushError | undefined;
  for (let tries = 1; ; tries++) {
    const timeoutMs = Math.min(tryMs, tryLimitMs(deadline.remainingMs()));
    const result = await attempt({ timeoutMs, signal: ends });
    if (!(result instanceof PushError)) return result;
    // Of a try that the deadline cut short nothing is known, and the one before it says why.
    const error: PushError =
      before && result instanceof PushTimedOut && isCutShort(timeoutMs) ? before : result;
    const again = !once && (await pauseBeforeRetry(error, tries, limits, ends, log));
    if (!again) throw withEffort(error, tries, monotonicMs() - startMark);
    before = error;
  }
}

/** Waits for the next try; whether there is a point in one. */
async function pauseBeforeRetry(
  error: PushError,
  tries: number,
  { deadline }: RetryLimits,
  ends: AbortSignal,
  log: Log,
): Promise<boolean> {
  const waitMs = planRetry({ tries, error, remainingMs: deadline.remainingMs(), random: Math.random() });
  if (waitMs === undefined || ends.aborted) return false;
  log.debug(`try ${tries} failed; the next in ${Math.round(waitMs)}ms`, {
    event: 'push_retry',
    tries,
    waitMs,
  });
  await wait(waitMs, undefined, { signal: ends }).catch(() => {});
  return !ends.aborted;
}

/** The last error, with how much was tried before giving up. */
function withEffort(error: PushError, tries: number, elapsedMs: number): PushError {
  if (tries > 1) error.message += `; gave up after ${tries} tries in ${(elapsedMs / 1000).toFixed(1)}s`;
  if (error.retryAfterMs !== undefined) error.message += `; it asked to wait ${error.retryAfterMs / 1000}s`;
  return error;
}
