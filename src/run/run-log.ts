import type { DeliveryReport } from '../delivery/target.js';
import { formatDuration } from '../duration.js';
import { describeThrown } from '../errors.js';
import type { Log } from '../log.js';
import { askedExitCode, type RunOutcome } from '../outcome/outcome.js';

/** Says how a run ended: one line, and the stack of an error that the job did not foresee. */
export function logOutcome(log: Log, name: string, outcome: RunOutcome): void {
  const took = formatDuration(outcome.durationSeconds * 1000);
  const records = outcome.recordsProcessed === undefined ? '' : `, ${outcome.recordsProcessed} records`;
  switch (outcome.status) {
    case 'succeeded':
      log.info(`${name} succeeded in ${took}${records}`, { ...outcome });
      break;
    case 'failed': {
      const { error, ...facts } = outcome;
      const foreseen = askedExitCode(error) !== undefined;
      log.error(`${name} failed after ${took}${records}: ${describeThrown(error)}`, {
        ...facts,
        ...(foreseen ? {} : { error }),
      });
      break;
    }
    case 'timed_out':
      log.error(
        `${name} was stopped after ${took}${records}: past its deadline of ${formatDuration(outcome.timeoutMs)}`,
        { ...outcome },
      );
      break;
    case 'interrupted':
      log.error(
        `${name} was stopped${outcome.signal ? ` by ${outcome.signal}` : ''} after ${took}${records}`,
        { ...outcome },
      );
  }
}

/** Says what became of a run's end push: where it went, or why it did not and what to do. */
export function logDelivery(
  log: Log,
  report: DeliveryReport,
  target: string,
  onPushFailure: 'fail' | 'warn',
): void {
  if (report.status === 'none') return;
  if (report.status === 'delivered') {
    log.info(`pushed to ${target}`);
    return;
  }
  const { message, hint, code } = report.error;
  const said =
    report.status === 'outcome_only'
      ? `only the outcome of the run was pushed to ${target}${report.spooled ? ', its own metrics wait in the spool' : ''}: ${message}`
      : `the outcome of the run was not pushed${report.spooled ? ', but kept in the spool' : ''}: ${message}`;
  log[onPushFailure === 'fail' ? 'error' : 'warn'](said, { code, hint });
}
