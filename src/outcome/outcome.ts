/** What every ended run has, however it ended. */
interface RunFacts {
  /** Milliseconds since the epoch. */
  readonly startedAtMs: number;
  /** Milliseconds since the epoch; never before the start. */
  readonly completedAtMs: number;
  readonly durationSeconds: number;
  /** The exit code of the job itself, whatever became of its metrics. */
  readonly exitCode: number;
  readonly recordsProcessed?: number;
  /** Some of the job's own metrics could not be read. */
  readonly metricsRejected?: boolean;
  /** Seconds by stage, in the order the job named them. */
  readonly stages: readonly (readonly [stage: string, seconds: number])[];
}

/** How a run ended, and why. A failing job is a result, not an exception. */
export type RunEnd =
  | { readonly status: 'succeeded' }
  /** The job threw, rejected, crashed the process or could never settle. */
  | { readonly status: 'failed'; readonly error: unknown }
  /** The job ran past its deadline. */
  | { readonly status: 'timed_out'; readonly timeoutMs: number }
  /** The run was told to stop; `signal` is the signal's name, where one was the reason. */
  | { readonly status: 'interrupted'; readonly signal?: string };

/** One ended run: how it ended, with its times and what it reported. */
export type RunOutcome = RunEnd & RunFacts;

/** Registered, so that an error of another copy of prombatch is known as one. */
const exitCodeMark: unique symbol = Symbol.for('prombatch.exitCode') as never;

/** A job throws this to fail with an exit code and without a stack in the log. */
export class JobFailed extends Error {
  readonly [exitCodeMark]: number;
  /** What to do next, shown in a line of its own. */
  readonly hint: string | undefined;

  /** @param exitCode of the run, from 1 to 255; by default 1. */
  constructor(message: string, options: { exitCode?: number; hint?: string; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'JobFailed';
    const { exitCode = 1 } = options;
    if (!Number.isInteger(exitCode) || exitCode < 1 || exitCode > 255) {
      throw new RangeError(`JobFailed: expected an exit code from 1 to 255, got ${exitCode}`);
    }
    this[exitCodeMark] = exitCode;
    this.hint = options.hint;
  }

  get exitCode(): number {
    return this[exitCodeMark];
  }
}

/** The exit code that a JobFailed asks for, of whichever copy of prombatch it is. */
export function askedExitCode(error: unknown): number | undefined {
  try {
    const code: unknown = (error as { [exitCodeMark]?: unknown } | undefined)?.[exitCodeMark];
    return typeof code === 'number' ? code : undefined;
  } catch {
    return undefined;
  }
}

/** The hint of a JobFailed, of whichever copy of prombatch it is. */
export function hintOf(error: unknown): string | undefined {
  if (askedExitCode(error) === undefined) return undefined;
  const { hint } = error as { readonly hint?: unknown };
  return typeof hint === 'string' ? hint : undefined;
}
