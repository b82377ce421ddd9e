import type { Registry } from 'prom-client';
import { UsageError } from '../errors.js';
import type { MetricsSource } from '../exposition/metrics-source.js';
import type { Log } from '../log.js';
import type { PreviousMetrics } from './previous.js';

/** What a job may report when it succeeds. */
export interface JobResult {
  /** Pushed as `batch_job_records_processed`; outranks what `progress` reported. */
  readonly recordsProcessed?: number;
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
  /** With `--accumulate`: what the gateway held before this run, where that could be read in time. */
  readonly previous?: PreviousMetrics;
  /** The run's log, on stderr. */
  readonly log: Log;
}

// A job that returns nothing is typed as one that returns void.
// biome-ignore lint/suspicious/noConfusingVoidType: an async function without a return is a Promise<void>
type JobReturn = JobResult | undefined | void;

/** What a job is made of; `R` is the registry that it records with. */
export interface JobDefinition<R extends MetricsSource = Registry> {
  /** The default of the grouping label `job`. */
  readonly name: string;
  /** A rejection or a thrown value is a failed run; whatever it is, the outcome is pushed. */
  run(context: JobContext<R>): JobReturn | Promise<JobReturn>;
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
