import { writeFamilies } from '../exposition/write.js';
import { type Answer, type Listener, listen } from '../metrics-server.js';
import type { Scheduler } from './scheduler.js';
import { schedulerFamilies } from './scheduler-metrics.js';
import { isStuck } from './step.js';

export interface SchedulerPagesOptions {
  /** Whose schedule it is. */
  readonly job: string;
  readonly scheduler: Scheduler;
  /** How many of its end pushes wait in the spool. */
  readonly countSpooled: () => number;
}

/**
 * Serves `/metrics` (the scheduler's own, and Node's as prom-client collects them), `/healthz` (500 where it no longer
 * ticks) and `/readyz` (503 once it is to end).
 *
 * @throws the system's error, where it cannot listen there.
 */
export async function openSchedulerPages(
  address: { readonly host: string; readonly port: number },
  { job, scheduler, countSpooled }: SchedulerPagesOptions,
): Promise<Listener> {
  const { collectDefaultMetrics, Registry } = await import('prom-client');
  const register = new Registry();
  collectDefaultMetrics({ register });
  const ok: Answer = { status: 200, body: 'ok\n' };
  return listen(address, {
    '/metrics': async () => ({
      status: 200,
      body:
        writeFamilies(schedulerFamilies(job, scheduler.state(), countSpooled())) + (await register.metrics()),
    }),
    '/healthz': () => {
      const { nextTickMs } = scheduler.state();
      if (!isStuck(nextTickMs, Date.now())) return ok;
      return { status: 500, body: `no tick since ${new Date(nextTickMs ?? 0).toISOString()}\n` };
    },
    '/readyz': () => (scheduler.state().stopping ? { status: 503, body: 'stopping\n' } : ok),
  });
}
