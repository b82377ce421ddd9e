import { Cron } from 'croner';
import { parseDuration } from '../duration.js';
import { UsageError } from '../errors.js';
import { isTimezone } from '../timezone.js';

/** When a job is next expected to have succeeded, from how often it should. */
export interface DuePlan {
  /**
   * By when a success that ended at `completedAtMs` must be followed by the next, in milliseconds since the
   * epoch; `undefined` for a cron expression that never comes again.
   */
  dueAfter(completedAtMs: number, durationSeconds: number): number | undefined;
}

/**
 * With a cron expression: the second next tick after completion; with a duration: completion plus twice that;
 * and this run's duration on top. So one late or failed run is forgiven: Prometheus' practices ask that an alert
 * on a batch job leaves time for at least two full runs.
 *
 * Cron expressions have five fields, or six with the seconds first; where both days are restricted, either
 * matches, as in Kubernetes and in system cron (which takes one that begins with `*`, such as `*\/2`, for unrestricted).
 *
 * @param timezone an IANA name for a cron expression; by default this system's.
 * @throws UsageError
 */
export function createDuePlan(expectedInterval: string, timezone?: string): DuePlan {
  const expected = expectedInterval.trim();
  const intervalMs = parseDuration(expected);
  if (intervalMs === 0) throw new UsageError('expected-interval: expected more than 0');
  if (intervalMs !== undefined) {
    return {
      dueAfter: (completedAtMs, durationSeconds) =>
        completedAtMs + 2 * intervalMs + durationMs(durationSeconds),
    };
  }
  if (timezone !== undefined && !isTimezone(timezone)) {
    throw new UsageError(
      `timezone: expected an IANA time zone such as Europe/Berlin, got ${JSON.stringify(timezone)}`,
    );
  }
  const cron = parseCron(expected, timezone);
  return {
    dueAfter(completedAtMs, durationSeconds) {
      const second = cron.nextRuns(2, new Date(completedAtMs))[1];
      return second && second.getTime() + durationMs(durationSeconds);
    },
  };
}

function durationMs(durationSeconds: number): number {
  return Math.round(durationSeconds * 1000);
}

/** Five fields, six with the seconds first, or a name such as `@daily`; croner itself takes more forms. */
const CRON_FORM = /^(?:@[a-z]+|\S+(?:\s+\S+){4,5})$/i;

function parseCron(expression: string, timezone: string | undefined): Cron {
  try {
    if (!CRON_FORM.test(expression)) throw new SyntaxError('a cron expression has five or six fields');
    // Sloppy is its word for "5/15", which Kubernetes reads as "5-59/15".
    return new Cron(expression, {
      paused: true,
      sloppyRanges: true,
      ...(timezone === undefined ? {} : { timezone }),
    });
  } catch (error) {
    throw new UsageError(
      `expected-interval: expected a duration such as 1h or a cron expression such as "0 3 * * *", got ${JSON.stringify(expression)}`,
      {
        cause: error,
        ...(error instanceof Error ? { hint: error.message.replace(/^CronPattern: /, '') } : {}),
      },
    );
  }
}
