import { createTask, type Logger, validateDetailed } from 'node-cron';
import { UsageError } from '../errors.js';

/** The ticks of a cron expression, from node-cron, which nothing else imports. */
export interface CronTicks {
  /** The next ticks from now on. */
  next(count: number): readonly Date[];
  stop(): void;
}

export interface CronTicksOptions {
  readonly expression: string;
  /** An IANA name; by default this system's. */
  readonly timezone: string | undefined;
  readonly onTick: (tick: Date) => void;
  /** A tick that came two seconds late or more, as after a sleep of the machine, and is not acted on. */
  readonly onMissed: (tick: Date) => void;
  /** What breaks in node-cron itself. */
  readonly onError: (error: unknown) => void;
}

/** @throws UsageError that names what is wrong: a field and its value, the form, or that such a time never comes. */
export function checkCronExpression(expression: string): void {
  const { valid, errors } = validateDetailed(expression);
  const got = JSON.stringify(expression);
  if (errors.some(({ message }) => message.includes('impossible'))) throw neverComes(got);
  for (const { field, value } of errors) {
    const range = RANGES[field];
    if (range) throw new UsageError(`cron: expected ${range}, got "${value}" in ${got}`);
  }
  if (!valid) {
    throw new UsageError(
      `cron: expected five fields such as "0 3 * * 1-5", six with the seconds first, or a name such as @daily, got ${got}`,
    );
  }
  try {
    createTask(expression, () => {}).getNextRuns(1);
  } catch (error) {
    throw neverComes(got, error);
  }
}

function neverComes(got: string, cause?: unknown): UsageError {
  return new UsageError(`cron: expected a time that comes, got ${got}`, { cause });
}

/** What may stand in a field, by node-cron's names. */
const RANGES: Readonly<Record<string, string>> = {
  second: 'seconds from 0 to 59',
  minute: 'minutes from 0 to 59',
  hour: 'hours from 0 to 23',
  dayOfMonth: 'days of the month from 1 to 31',
  month: 'months from 1 to 12 or jan to dec',
  dayOfWeek: 'days of the week from 0 to 7 or sun to sat',
};

/** Starts ticking; the process stays up for it until it is stopped. */
export function startCronTicks(options: CronTicksOptions): CronTicks {
  const { expression, timezone, onTick, onMissed, onError } = options;
  const logger: Logger = {
    info() {},
    warn() {},
    debug() {},
    error: (message, error) => onError(error ?? message),
  };
  const task = createTask(expression, ({ date }) => onTick(date), {
    logger,
    ...(timezone === undefined ? {} : { timezone }),
  });
  task.on('execution:missed', ({ date }) => onMissed(date));
  void task.start();
  return {
    next: (count) => task.getNextRuns(count),
    stop: () => void task.destroy(),
  };
}
