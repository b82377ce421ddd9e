const FIRST_BACKOFF_MS = 200;
const LONGEST_BACKOFF_MS = 5000;
/** With less than this left, another try has no chance. */
const LAST_TRY_MS = 50;

/** Whether an answer of this status may be another the next time: 408, 429 and 5xx. */
export function isRetryableStatus(status: number): boolean {
  return status === 408 || status === 429 || status >= 500;
}

export interface RetryState {
  /** How many tries failed so far. */
  readonly tries: number;
  readonly error: { readonly retryable: boolean; readonly retryAfterMs?: number | undefined };
  /** Until the total deadline. */
  readonly remainingMs: number;
  /** In [0, 1). */
  readonly random: number;
}

/**
 * How long to wait before the next try, in milliseconds, or `undefined` when there is no point in one: the
 * error is final, the time is up, or the gateway asked for more time than is left. Exponential backoff with
 * full jitter, and never less than the gateway's own `Retry-After`.
 */
export function planRetry({ tries, error, remainingMs, random }: RetryState): number | undefined {
  if (!error.retryable || remainingMs < LAST_TRY_MS) return undefined;
  const asked = error.retryAfterMs ?? 0;
  if (asked > 0 && asked >= remainingMs - LAST_TRY_MS) return undefined;
  const ceiling = Math.min(LONGEST_BACKOFF_MS, FIRST_BACKOFF_MS * 2 ** (tries - 1), remainingMs / 2);
  return Math.max(asked, random * ceiling);
}

/** In milliseconds: what a try gets, if there is as much left. */
const LEAST_TRY_MS = 1000;

/**
 * How long one try may take: half of what is left, so that a stalled first try leaves time for another, but
 * at least a second, or all that is left.
 */
export function tryLimitMs(remainingMs: number): number {
  return Math.min(remainingMs, Math.max(LEAST_TRY_MS, remainingMs / 2));
}

/** Whether a try got so little time because the deadline was near. */
export function isCutShort(limitMs: number): boolean {
  return limitMs < LEAST_TRY_MS;
}
