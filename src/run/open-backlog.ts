import { describeThrown } from '../errors.js';
import type { Log } from '../log.js';
import type { DeliverySettings } from './run-options.js';

/**
 * What keeps the host's file for node_exporter on what waits in the spool, once a run is delivered. It is loaded before the
 * job: a process that ends at once can load nothing. A run without a gateway has nothing that could wait.
 */
export async function openBacklog(
  { gateway, textfile, spool, dryRun }: Pick<DeliverySettings, 'gateway' | 'textfile' | 'spool' | 'dryRun'>,
  log: Log,
): Promise<() => void> {
  if (gateway === 'none' || textfile === undefined || spool === undefined || dryRun) return () => {};
  const { writeBacklogTextfile } = await import('../delivery/textfile/backlog-textfile.js');
  return () => {
    try {
      writeBacklogTextfile(textfile, spool);
    } catch (error) {
      log.warn(`what waits in the spool was not written to ${textfile}: ${describeThrown(error)}`, {
        event: 'backlog_unwritten',
        target: textfile,
      });
    }
  };
}
