import { parseGatewayAddress } from './delivery/gateway-address.js';
import type { GatewayClient } from './delivery/gateway-client.js';
import { openGatewayClient } from './delivery/open-gateway.js';
import { PushError } from './delivery/push-error.js';
import { UsageError } from './errors.js';
import type { ResolvedRunOptions } from './run-options.js';

const NO_ADDRESS = 'no gateway';

/**
 * `undefined` without a gateway. What is wrong with its address or with the http config file keeps a run that only
 * warns of push failures from nothing.
 */
export async function openRunClient(options: ResolvedRunOptions): Promise<GatewayClient | undefined> {
  const { gateway, dryRun, onPushFailure } = options;
  if (gateway === 'none' && !dryRun) return undefined;
  try {
    if (!dryRun) return await openGatewayClient(options);
    const { createDryRun } = await import('./delivery/dry-run.js');
    return createDryRun(parseGatewayAddress(gateway === 'none' ? 'localhost:9091' : gateway), dryRun);
  } catch (error) {
    if (!(error instanceof UsageError) || onPushFailure !== 'warn') throw error;
    const { message, hint } = error;
    const failure = () =>
      new PushError('GATEWAY_ACCESS', message, { retryable: false, ...(hint ? { hint } : {}) });
    const fail = () => Promise.reject(failure());
    return { target: addressOf(gateway), close() {}, push: fail, readGroup: fail };
  }
}

/** The address alone, so that a run is kept for it even where the way in cannot be read. */
function addressOf(gateway: string): string {
  try {
    return parseGatewayAddress(gateway).display;
  } catch {
    return NO_ADDRESS;
  }
}

/** Counts what waits in the spool for the run's own group; the rest of a spool is other jobs'. */
export async function openSpoolCount({
  gateway,
  spool,
  key,
  log,
}: ResolvedRunOptions): Promise<() => number> {
  const target = addressOf(gateway);
  if (spool === undefined || target === NO_ADDRESS) return () => 0;
  const { openSpool } = await import('./delivery/spool/spool.js');
  const folder = openSpool(spool, log).group(target, key);
  return () => folder.count();
}

/** A dry run touches no spool. */
export async function openRunSpool(
  { spool, spoolLimit: limits, dryRun, key, log }: ResolvedRunOptions,
  client: GatewayClient,
) {
  if (spool === undefined || dryRun || client.target === NO_ADDRESS) return undefined;
  const { createRunSpool } = await import('./delivery/spool/run-spool.js');
  return createRunSpool({ path: spool, limits, client, key, log });
}
