import type { DeliveryReport } from '../delivery/target.js';
import { EXIT } from '../exit-codes.js';
import type { RunOutcome } from '../outcome/outcome.js';

/** The exit code of a run: the job's own where it failed; a push failure counts only if asked for. */
export function exitCodeOfRun(
  outcome: Pick<RunOutcome, 'exitCode'>,
  delivery: Pick<DeliveryReport, 'status'>,
  onPushFailure: 'fail' | 'warn',
): number {
  if (outcome.exitCode !== 0) return outcome.exitCode;
  return onPushFailure === 'fail' && isPushFailure(delivery) ? EXIT.notDelivered : 0;
}

/** The exit code of many runs that have ended: 1 if one failed, and 3 if one was not delivered and that counts. */
export function exitCodeOfRuns(
  { failed, pushFailures }: { readonly failed: number; readonly pushFailures: number },
  onPushFailure: 'fail' | 'warn',
): number {
  if (failed > 0) return EXIT.failed;
  return onPushFailure === 'fail' && pushFailures > 0 ? EXIT.notDelivered : 0;
}

/** Whether anything that should have reached the gateway did not. */
export function isPushFailure(delivery: Pick<DeliveryReport, 'status'>): boolean {
  return delivery.status !== 'none' && delivery.status !== 'delivered';
}
