import type { MetricsSource } from '../exposition/metrics-source.js';
import type { Job, JobContext, JobResult } from './job.js';

/** A job that is a process of its own; only prombatch makes one. */
export interface CommandJob extends Job<MetricsSource> {
  /** Passes a signal on to the command, if it runs. */
  passOn(signal: NodeJS.Signals): void;
}

/** A job whose module is loaded when it runs. */
export interface ModuleJob extends Job<MetricsSource> {
  /** What the run failed of, if its job broke of `reason`: it may be that the module was still being loaded. */
  crashCause(reason: unknown): unknown;
}

/** A job in code, or a command. */
export type AnyJob<R extends MetricsSource = MetricsSource> = Job<R> | ModuleJob | CommandJob;

export function isCommand(job: object): job is CommandJob {
  return 'passOn' in job;
}

export function isModule(job: object): job is ModuleJob {
  return 'crashCause' in job;
}

/** What a command is given besides. */
export interface CommandContext<R extends MetricsSource> extends JobContext<R> {
  /** Stops the clock: what still follows, such as reading what the command left, is not in its duration. */
  workDone(): void;
  /**
   * Registers what ends the command when its grace period is over. The run then waits a second more for it, and
   * without it not at all.
   */
  onGraceOver(end: () => void): void;
}

/** What a command reports besides. */
export interface CommandResult extends JobResult {
  /** Any code but 0 is a failed run. If the run was stopped by a signal, the code is still the run's. */
  readonly exit?: CommandExit;
  /** Some of the command's own metrics could not be read, and so will be missing. */
  readonly metricsRejected?: boolean;
}

export interface CommandExit {
  /** From 0 to 255. */
  readonly code: number;
  /** In words: `exited with 3`. */
  readonly reason: string;
}
