import type { Registry } from 'prom-client';
import { UsageError } from '../errors.js';
import type { Log } from '../log.js';
import type { PreviousMetrics } from './previous.js';

/** Anything that collects metrics into the text format: a Registry of prom-client or of its successor. */
export interface MetricsSource {
  metrics(): string | Promise<string>;
}

/** What a job may report when it succeeds. */
export interface JobResult {
  /** Pushed as `batch_job_records_processed`; outranks what `progress` reported. */
  readonly recordsProcessed?: number;
  /**
   * How a job that is a process of its own ended: any code but 0 is a failed run. Where the run was stopped by a
   * signal, the code is still the run's.
   */
  readonly exit?: JobExit;
  /** Some of the job's own metrics could not be read, and so will be missing. */
  readonly metricsRejected?: boolean;
}

export interface JobExit {
  /** From 0 to 255. */
  readonly code: number;
  /** In words: `exited with 3`. */
  readonly reason: string;
}

/** What a running job is given. */
export interface JobContext<R extends MetricsSource = Registry> {
  /** The run's own registry, empty at the start; what it holds at the end is pushed with the outcome. */
  readonly registry: R;
  /** Aborted when the run is to stop: on a signal, or past its deadline. The job then has the grace period. */
  readonly signal: AbortSignal;
  /** Runs `body` and pushes its time as `batch_job_stage_duration_seconds{stage}`; equal names add up. */
  stage<T>(name: string, body: () => T | Promise<T>): Promise<T>;
  /**
   * Says that `done` records (of `total`, if known) are processed: moves the progress bar, and stands as
   * `batch_job_records_processed` where the job returns no figure of its own, as when it fails.
   */
  progress(done: number, total?: number): void;
  /** Stops the clock: what the job still does, such as reading what it left, is not in its duration. */
  workDone(): void;
  /**
   * Registers what ends the job when its grace period is over. The run then waits a second more for it, and
   * without it not at all.
   */
  onGraceOver(end: () => void): void;
  /** With `--accumulate`: what the gateway held before this run, where that could be read in time. */
  readonly previous?: PreviousMetrics;
  /** The run's log, on stderr. */
  readonly log: Log;
}

/** What a job is made of; `R` is the registry that it records with. */
export interface JobDefinition<R extends MetricsSource = Registry> {
  /** The default of the grouping label `job`. */
  readonly name: string;
  /** A rejection or a thrown value is a failed run; whatever it is, the outcome is pushed. */
  run(context: JobContext<R>): JobResult | undefined | undefined | Promise<JobResult | undefined | undefined>;
  /** Makes the run's registry; by default prom-client's `new Registry()`. */
  readonly createRegistry?: () => R;
}

/** A job as `defineJob` makes it. */
export interface Job<R extends MetricsSource = Registry> extends JobDefinition<R> {
  readonly [jobMark]: true;
}

/** Registered, so that a job made by another copy of prombatch is known as one. */
const jobMark: unique symbol = Symbol.for('prombatch.job') as never;

/**
 * Makes a job that `prombatch run <module>` and `runJob` accept.
 *
 * @throws UsageError when the name is not a text or `run` is not a function.
 */
export function defineJob<R extends MetricsSource = Registry>(definition: JobDefinition<R>): Job<R> {
  if (typeof definition?.name !== 'string' || definition.name === '') {
    throw new UsageError(`defineJob: expected a name for the job, got ${JSON.stringify(definition?.name)}`);
  }
  if (typeof definition.run !== 'function') {
    throw new UsageError(`defineJob: expected run to be a function, got ${typeof definition.run}`);
  }
  const { name, createRegistry } = definition;
  return {
    name,
    run: (context) => definition.run(context),
    ...(createRegistry ? { createRegistry: () => createRegistry.call(definition) } : {}),
    [jobMark]: true,
  };
}

/** Whether `value` was made by `defineJob`. */
export function isJob(value: unknown): value is Job<MetricsSource> {
  return typeof value === 'object' && value !== null && jobMark in value;
}
