import { describeThrown } from '../../errors.js';
import type { Log } from '../../log.js';
import type { Host } from '../../process/host.js';
import { resolveSpoolPath } from '../../settings/spool-path.js';
import type { HostBacklog } from './show-status.js';

/** The reading of what waits in this host's spool. One that cannot be read is a warning, once. */
export async function openBacklogReader(
  host: Host,
  { spool }: { readonly spool: string | undefined },
  log: Log,
): Promise<() => HostBacklog | undefined> {
  const path = resolveSpoolPath({ spool, noSpool: false }, host);
  if (path === undefined) return () => undefined;
  const { readBacklog } = await import('../../delivery/spool/backlog.js');
  let warned = false;
  return () => {
    try {
      return { path, gateways: readBacklog(path) };
    } catch (error) {
      if (!warned) {
        log.warn(`the spool cannot be read: ${describeThrown(error)}`, { event: 'spool_unusable' });
        warned = true;
      }
      return undefined;
    }
  };
}
