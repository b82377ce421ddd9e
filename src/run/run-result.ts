import type { DeliveryReport } from '../delivery/target.js';
import type { RunOutcome } from '../outcome/outcome.js';

export interface RunResult {
  readonly outcome: RunOutcome;
  readonly delivery: DeliveryReport;
  /** What a process that ran just this job should end with. */
  readonly exitCode: number;
}
