import type { TargetReport } from '../delivery/delivery.js';
import { formatKey, type GroupingKey } from '../delivery/grouping-key.js';
import type { DeliveryReport } from '../delivery/target.js';
import { formatDuration } from '../duration.js';
import { describeThrown } from '../errors.js';
import type { Log } from '../log.js';
import { askedExitCode, hintOf, type RunOutcome } from '../outcome/outcome.js';
import { flushCommand } from './flush-command.js';
import type { DeliverySettings } from './run-options.js';

type FailedReport = Extract<DeliveryReport, { readonly status: 'outcome_only' | 'incomplete' | 'failed' }>;

/** Says how a run ended: one line, and the stack of an error that the job did not foresee. */
export function logOutcome(log: Log, name: string, outcome: RunOutcome): void {
  const took = formatDuration(outcome.durationSeconds * 1000);
  const { recordsProcessed: count } = outcome;
  const records = count === undefined ? '' : `, ${count} ${count === 1 ? 'record' : 'records'}`;
  switch (outcome.status) {
    case 'succeeded':
      log.info(`${name} succeeded in ${took}${records}`, { event: 'job_ended', ...outcome });
      break;
    case 'failed': {
      const { error, ...facts } = outcome;
      const foreseen = askedExitCode(error) !== undefined;
      log.error(`${name} failed after ${took}${records}: ${describeThrown(error)}`, {
        event: 'job_ended',
        ...facts,
        hint: hintOf(error),
        ...(foreseen ? {} : { error }),
      });
      break;
    }
    case 'timed_out':
      log.error(
        `${name} was stopped after ${took}${records}: past its deadline of ${formatDuration(outcome.timeoutMs)}`,
        { event: 'job_ended', ...outcome },
      );
      break;
    case 'interrupted':
      log.error(
        `${name} was stopped${outcome.signal ? ` by ${outcome.signal}` : ''} after ${took}${records}`,
        { event: 'job_ended', ...outcome },
      );
  }
}

const HOW = {
  succeeded: 'ran',
  failed: 'failed',
  timed_out: 'timed out',
  interrupted: 'was stopped',
} as const;

const WHAT = {
  outcome_only: 'only its outcome was',
  incomplete: 'not all of its outcome was',
  failed: 'its metrics were not',
} as const;

/** What the line on a delivery needs to know of the run. */
export interface DeliveredRun {
  readonly name: string;
  readonly outcome: RunOutcome;
  readonly key: GroupingKey;
  readonly delivery: DeliverySettings;
}

/**
 * Says what became of a run at a target, in one line: a failure with what happened, what was kept and what to do, as
 * it may be all that an operator gets by mail.
 */
export function logDelivery(log: Log, run: DeliveredRun, told: TargetReport): void {
  const { target, report, verb = 'pushed' } = told;
  if (report.status === 'none') return;
  if (report.status === 'delivered') {
    log.info(`${verb} to ${target} as ${formatKey(run.key)}`, { event: 'delivered', target });
    return;
  }
  const { code } = report.error;
  const event = report.status === 'failed' ? 'delivery_failed' : 'delivery_partial';
  const level = run.delivery.onPushFailure === 'fail' ? 'error' : 'warn';
  log[level](describeFailure(run, told, report), { event, target, code });
}

function describeFailure(
  { name, outcome: { status, exitCode }, delivery }: DeliveredRun,
  { target, verb = 'pushed', flushFlags }: TargetReport,
  report: FailedReport,
): string {
  const { status: delivered, error, spooled = false } = report;
  const partly = delivered !== 'failed';
  const ended = `${name} ${HOW[status]} (exit ${exitCode}), ${status === 'succeeded' ? 'but' : 'and'}`;
  // Of several targets with one problem each has a line, which tells whose it is.
  const where = error.message.includes(target) ? '' : ` to ${target}`;
  const what = `${WHAT[delivered]} ${verb}${where}`;
  // What waits is sent by itself, so that a gateway that is only down needs nobody.
  const hint = error.hint !== undefined && !(spooled && error.retryable) ? `; ${error.hint}` : '';
  const waits = `; ${partly ? 'the rest is ' : ''}kept in the spool, sent with the next run or by: `;
  const kept = spooled ? waits + flushCommand(delivery, flushFlags) : whatIsLeft(report);
  return `${ended} ${what}: ${error.message}${hint}${kept}`;
}

/** Of what is never to be sent. */
function whatIsLeft(report: FailedReport): string {
  if (report.status !== 'failed') return '';
  return report.setAside ? '; kept in rejected/ of the spool' : '; nothing was kept';
}
