import type { Delivery } from '../delivery/delivery.js';
import { startFamilies } from '../outcome/batch-metrics.js';
import { notify } from './notify.js';
import type { ResolvedRunOptions } from './run-options.js';

/** Says that the run has begun, and pushes the job's own metrics while it runs; returns what ends that. */
export function pushStart(
  delivery: Delivery,
  startedAtMs: number,
  { pushes, log }: ResolvedRunOptions,
): () => void {
  const start = startFamilies(startedAtMs);
  if (pushes.start) delivery.start(start);
  if (pushes.intervalMs === 0) return () => {};
  let updates: NodeJS.Timeout | undefined;
  notify(log, () => {
    updates = setInterval(() => delivery.update(start), pushes.intervalMs).unref();
  });
  return () => notify(log, () => clearInterval(updates));
}
