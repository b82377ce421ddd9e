import type { GatewayClient } from '../delivery/client/gateway-client.js';
import { openClient } from '../delivery/client/open-client.js';
import type { Deadline } from '../delivery/deadline.js';
import { createGatewayTarget } from '../delivery/gateway-target.js';
import type { GroupingKey } from '../delivery/grouping-key.js';
import { parseGatewayAddress } from '../delivery/http/gateway-address.js';
import { PushError } from '../delivery/http/push-error.js';
import type { Receiver } from '../delivery/remote-write/receiver/receiver.js';
import { createRunSpool, type RunSpool } from '../delivery/spool/run-spool.js';
import { openSpool } from '../delivery/spool/spool.js';
import type { JobMetrics, Target } from '../delivery/target.js';
import { UsageError } from '../errors.js';
import type { Log } from '../log.js';
import { type DeliverySettings, hasReceivers, type ResolvedRunOptions } from './run-options.js';

const NO_ADDRESS = 'no gateway';

type RemoteWrite = typeof import('../delivery/remote-write/remote-write.js');

type Collect = (deadline: Deadline) => Promise<JobMetrics>;

/**
 * The targets of a run. A dry run replaces them all.
 *
 * @throws UsageError if the gateway's address or the http config file is wrong, and push failures count.
 */
export async function openTargets(options: ResolvedRunOptions, collect: Collect): Promise<Target[]> {
  const { gateway, textfile, dryRun } = options.delivery;
  const receivers = hasReceivers(options.delivery) ? await openReceiverTargets(options, collect) : [];
  if (dryRun && gateway === 'none' && receivers.length > 0) return receivers;
  if (dryRun) return [openGatewayTarget(await openDryRun(gateway, dryRun), options, collect), ...receivers];
  return [
    ...(gateway === 'none' ? [] : [openGatewayTarget(await openClientOrFail(options), options, collect)]),
    ...receivers,
    ...(textfile === undefined ? [] : [await openTextfileTarget(textfile, options)]),
  ];
}

async function openReceiverTargets(options: ResolvedRunOptions, collect: Collect): Promise<Target[]> {
  // One file, if it is asked for: a run by a gateway alone reads nothing of it.
  const road = await import('../delivery/remote-write/remote-write.js');
  const { key, delivery, log } = options;
  const { dryRun, spool: path, spoolLimit: limits } = delivery;
  const spool = path === undefined || dryRun ? undefined : { path, limits };
  const receivers = await openReceiversOrFail(road, options);
  return receivers.map((receiver) =>
    road.createRemoteWriteTarget({
      receiver,
      key,
      collect,
      spool: receiver.flags === undefined ? undefined : spool,
      log,
    }),
  );
}

/** With `onPushFailure: 'warn'`, what is wrong with one becomes a receiver that takes nothing, so the job still runs. */
async function openReceiversOrFail(
  { openReceivers, failingReceiver, createDryReceiver }: RemoteWrite,
  { delivery, log }: ResolvedRunOptions,
): Promise<Receiver[]> {
  const failing: Receiver[] = [];
  const opened = await openReceivers(delivery, log, (error) => {
    if (delivery.onPushFailure !== 'warn') throw error;
    failing.push(failingReceiver(error));
  });
  const { dryRun } = delivery;
  return dryRun ? opened.map((receiver) => createDryReceiver(receiver, dryRun)) : [...opened, ...failing];
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
export async function openSpoolCount({ delivery, key, log }: ResolvedRunOptions): Promise<() => number> {
  const { gateway, spool } = delivery;
  const target = addressOf(gateway);
  if (spool === undefined) return () => 0;
  const atReceivers = hasReceivers(delivery) ? await openReceiversCount(spool, delivery, key, log) : () => 0;
  if (target === NO_ADDRESS || gateway === 'none') return atReceivers;
  const folder = openSpool(spool, log).group(target, key);
  return () => folder.count() + atReceivers();
}

async function openReceiversCount(
  spool: string,
  delivery: DeliverySettings,
  key: GroupingKey,
  log: Log,
): Promise<() => number> {
  const { openReceivers, openReceiverSpool } = await import('../delivery/remote-write/remote-write.js');
  const receivers = await openReceivers(delivery, log, () => {});
  const folders = receivers.map(({ name }) => openReceiverSpool(spool, name, log).group(key));
  return () => folders.reduce((sum, folder) => sum + folder.waiting().length, 0);
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
