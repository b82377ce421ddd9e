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

/** @throws UsageError where node-cron cannot read the expression, or it never comes. */
export function checkCronExpression(expression: string): void {
  const { valid, errors } = validateDetailed(expression);
  if (valid) {
    try {
      createTask(expression, () => {}).getNextRuns(1);
      return;
    } catch (error) {
      throw new UsageError(`cron: expected a time that comes, got ${JSON.stringify(expression)}`, {
        cause: error,
      });
    }
  }
  const [first] = errors;
  throw new UsageError(
    `cron: expected five fields such as "0 3 * * 1-5", six with the seconds first, or a name such as @daily, got ${JSON.stringify(expression)}`,
    first ? { hint: `${first.field}: ${first.message}` } : {},
  );
}

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
