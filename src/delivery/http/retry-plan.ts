const FIRST_BACKOFF_MS = 400;
const LONGEST_BACKOFF_MS = 5000;
/** What a last try should get of the time: a healthy gateway answers within it, and a name is looked up. */
const LAST_TRY_MS = 500;
/** What a try gets at least, if the gateway said when to come back. */
const LEAST_ASKED_TRY_MS = 50;

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
 * error is final, the time is up, or the gateway asked for more time than is left. Exponential backoff, of which half is
 * jitter, and never less than the gateway's own `Retry-After`. A wait that would outlast the deadline is cut, so that
 * one last try remains.
 */
export function planRetry({ tries, error, remainingMs, random }: RetryState): number | undefined {
  if (!error.retryable) return undefined;
  const ceiling = Math.min(LONGEST_BACKOFF_MS, FIRST_BACKOFF_MS * 2 ** (tries - 1));
  const backoff = ((1 + random) * ceiling) / 2;
  const asked = error.retryAfterMs ?? 0;
  const latest = remainingMs - (asked > 0 ? LEAST_ASKED_TRY_MS : LAST_TRY_MS);
  const least = Math.max(asked, FIRST_BACKOFF_MS / 2);
  return latest < least ? undefined : Math.min(Math.max(asked, backoff), latest);
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
