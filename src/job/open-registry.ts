import type { MetricsSource } from '../exposition/metrics-source.js';
import type { AnyJob } from './any-job.js';

/** The registry of one run: the job's own kind, or prom-client's, which only a job that records with it loads. */
export async function openRegistry<R extends MetricsSource>(job: AnyJob<R>): Promise<R> {
  if (job.createRegistry) return job.createRegistry() as R;
  const { Registry } = await import('prom-client');
  // A job without createRegistry is a Job<Registry>: R is the default of its type parameter.
  return new Registry() as MetricsSource as R;
}
