import type { GatewayClient } from '../delivery/client/gateway-client.js';
import { openClient } from '../delivery/client/open-client.js';
import type { Deadline } from '../delivery/deadline.js';
import { createGatewayTarget } from '../delivery/gateway-target.js';
import { parseGatewayAddress } from '../delivery/http/gateway-address.js';
import { PushError } from '../delivery/http/push-error.js';
import { createRunSpool, type RunSpool } from '../delivery/spool/run-spool.js';
import { openSpool } from '../delivery/spool/spool.js';
import type { JobMetrics, Target } from '../delivery/target.js';
import { UsageError } from '../errors.js';
import type { ResolvedRunOptions } from './run-options.js';

const NO_ADDRESS = 'no gateway';

type Collect = (deadline: Deadline) => Promise<JobMetrics>;

/**
 * The targets of a run. A dry run replaces them all.
 *
 * @throws UsageError if the gateway's address or the http config file is wrong, and push failures count.
 */
export async function openTargets(options: ResolvedRunOptions, collect: Collect): Promise<Target[]> {
  const { gateway, textfile, dryRun } = options.delivery;
  if (dryRun) return [openGatewayTarget(await openDryRun(gateway, dryRun), options, collect)];
  return [
    ...(gateway === 'none' ? [] : [openGatewayTarget(await openClientOrFail(options), options, collect)]),
    ...(textfile === undefined ? [] : [await openTextfileTarget(textfile, options)]),
  ];
}

function openGatewayTarget(client: GatewayClient, options: ResolvedRunOptions, collect: Collect): Target {
  const { key, delivery, log } = options;
  const spool = openRunSpool(options, client);
  return createGatewayTarget({ client, key, collect, mode: delivery, spool, log });
}

async function openTextfileTarget(
  folder: string,
  { key, delivery: { accumulate }, log }: ResolvedRunOptions,
): Promise<Target> {
  const { createTextfileTarget } = await import('../delivery/textfile/textfile-target.js');
  return createTextfileTarget({ folder, key, accumulate, log });
}

async function openDryRun(gateway: string, write: (text: string) => void): Promise<GatewayClient> {
  const { createDryRun } = await import('../delivery/client/dry-run.js');
  return createDryRun(parseGatewayAddress(gateway === 'none' ? 'localhost:9091' : gateway), write);
}

/** With `onPushFailure: 'warn'`, a bad address becomes a client whose every push fails, so the job still runs. */
async function openClientOrFail({ delivery, log }: ResolvedRunOptions): Promise<GatewayClient> {
  const { gateway, onPushFailure } = delivery;
  try {
    return await openClient(delivery, log);
  } catch (error) {
    if (!(error instanceof UsageError) || onPushFailure !== 'warn') throw error;
    const { message, hint } = error;
    const failure = () =>
      new PushError('GATEWAY_ACCESS', message, { retryable: false, ...(hint ? { hint } : {}) });
    const fail = () => Promise.reject(failure());
    return { target: addressOf(gateway), close() {}, push: fail, readGroup: fail, readGroups: fail };
  }
}

/** The address alone, so that a run is kept for it even if the way in cannot be read. */
function addressOf(gateway: string): string {
  try {
    return parseGatewayAddress(gateway).display;
  } catch {
    return NO_ADDRESS;
  }
}

/** Counts what waits in the spool for the run's own group; the rest of a spool is other jobs'. */
export function openSpoolCount({ delivery, key, log }: ResolvedRunOptions): () => number {
  const { gateway, spool } = delivery;
  const target = addressOf(gateway);
  if (spool === undefined || target === NO_ADDRESS) return () => 0;

  const folder = openSpool(spool, log).group(target, key);
  return () => folder.count();
}

/** A dry run touches no spool. */
function openRunSpool(
  { delivery, key, log }: ResolvedRunOptions,
  client: GatewayClient,
): RunSpool | undefined {
  const { spool, spoolLimit: limits, dryRun } = delivery;
  if (spool === undefined || dryRun || client.target === NO_ADDRESS) return undefined;

  return createRunSpool({ path: spool, limits, client, key, log });
}
