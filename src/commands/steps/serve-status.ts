import { servePage } from '../../gateway/page/serve-page.js';
import type { Log } from '../../log.js';
import type { Host } from '../../process/host.js';
import { cannotListen } from './cannot-listen.js';
import type { ShownStatus } from './show-status.js';

/** Serves the page of jobs, read only, until a signal. */
export async function serveStatus(
  host: Host,
  log: Log,
  address: { readonly host: string; readonly port: number },
  { gateway, readGroups, selection }: ShownStatus,
): Promise<number> {
  const page = {
    title: gateway,
    gateway,
    readOnly: true,
    footer: `What ${gateway} holds, read only, by prombatch status.`,
    selection,
  };
  const read = async () => ({
    groups: await readGroups(),
    nowSeconds: Date.now() / 1000,
    refusals: [],
  });
  const served = await servePage(address, page, read).catch((error: unknown) => {
    throw cannotListen('--serve', address, error);
  });
  if (!served.loopback) {
    log.warn(`${served.url} can be reached from other machines, and anyone who reaches it can read it`, {
      event: 'open_to_others',
    });
  }
  // Listened for before it is said that it is up: whoever reads that may stop it at once.
  const stopped = host.untilStopped();
  log.info(`the jobs of ${gateway} at ${served.url}`, { event: 'listening', url: served.url });
  await stopped;
  await served.close();
  return 0;
}
