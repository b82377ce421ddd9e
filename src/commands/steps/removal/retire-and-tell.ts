import { withDeadline } from '../../../delivery/deadline.js';
import type { Grouping } from '../../../delivery/grouping-key.js';
import { PushError } from '../../../delivery/http/push-error.js';
import type { ReceiversAccess } from '../../../delivery/remote-write/receiver/open-receivers.js';
import { UsageError } from '../../../errors.js';
import type { Log } from '../../../log.js';
import type { Host } from '../../../process/host.js';
import { hasReceivers, resolveKey } from '../../../run/run-options.js';
import { resolveSpoolPath } from '../../../settings/spool-path.js';
import { describeName } from '../../../status/describe.js';
import { confirm } from './confirm.js';

export interface RetireInput extends ReceiversAccess {
  readonly job: string;
  readonly grouping: Grouping;
  readonly spool: string | undefined;
  readonly yes: boolean;
  readonly dryRun: boolean;
  /** For each receiver. */
  readonly timeoutMs: number;
}

/**
 * Retires a job at receivers of remote write, and says where.
 *
 * @returns the exit code: 3 if a receiver did not take it.
 *
 * @throws UsageError
 */
export async function retireAndTell(host: Host, log: Log, input: RetireInput): Promise<number> {
  const { job, grouping, yes, dryRun, timeoutMs } = input;
  if (!hasReceivers(input)) {
    throw new UsageError('--retire: expected a receiver of remote write, got none', {
      hint: 'name those of the job with --remote-write, PROMBATCH_REMOTE_WRITE or --remote-write-file; without --retire, a group is removed from a gateway',
    });
  }
  const key = resolveKey(job, input);
  const name = describeName({ job, labels: Object.fromEntries(grouping) });
  const { openReceivers, retire } = await import('../../../delivery/remote-write/remote-write.js');
  const receivers = await openReceivers(input, log, (error) => {
    throw error;
  });
  const all = receivers.map((receiver) => receiver.name).join(', ');
  if (dryRun) {
    host.stdout.write(`would retire ${name} at ${all}\n`);
    return 0;
  }
  if (!(await confirm(host, yes, `Retire ${name} at ${all}?`))) {
    log.info('nothing was retired', { event: 'nothing_removed' });
    return 1;
  }
  const retirement = { key, spool: resolveSpoolPath({ ...input, noSpool: false }, host), log };
  const retired = await Promise.all(
    receivers.map(async (receiver) => {
      try {
        await withDeadline(timeoutMs, (deadline) => retire(receiver, retirement, { deadline }));
        host.stdout.write(`retired ${name} at ${receiver.name}\n`);
        return true;
      } catch (error) {
        if (!(error instanceof PushError)) throw error;
        const { message, code, hint } = error;
        log.error(`${name} was not retired: ${message}`, {
          event: 'delivery_failed',
          target: receiver.name,
          code,
          hint,
        });
        return false;
      } finally {
        receiver.close();
      }
    }),
  );
  return retired.every(Boolean) ? 0 : 3;
}
