import type { Log } from '../../log.js';
import { formatKey, type GroupingKey } from '../grouping-key.js';
import type { RetryLimits } from '../http/try-again.js';
import { retirementSeries } from './entry/requests.js';
import { processMemory, withFallback } from './group-memory.js';
import { SAMPLE_FAR_AHEAD } from './receiver/answers.js';
import type { Receiver } from './receiver/receiver.js';
import { openReceiverSpool } from './spool/receiver-spool.js';

export interface Retirement {
  readonly key: GroupingKey;
  /** The folder of the spool that the job's runs use; `undefined` if there is none. */
  readonly spool: string | undefined;
  readonly log: Log;
}

/**
 * Tells a receiver that a job is retired, at a time after all that this host has told of its group. Nothing is kept: what
 * could not be sent was not told.
 *
 * @throws PushError
 */
export async function retire(
  receiver: Receiver,
  { key, spool, log }: Retirement,
  limits: RetryLimits,
): Promise<void> {
  const { name: target } = receiver;
  const inProcess = processMemory(`${target} ${formatKey(key)}`);
  const memory =
    spool === undefined
      ? inProcess
      : withFallback(openReceiverSpool(spool, target, log).group(key), inProcess);
  const lastStartMs = memory.newestStart();
  if (lastStartMs === 0) {
    log.warn(`this host knows of no run of ${formatKey(key)} for ${target}`, {
      event: 'no_such_group',
      target,
      hint: 'if no other host runs the job, check --job, --grouping and --spool',
    });
  }
  const nowMs = Date.now();
  const timeMs = memory.giveSample(nowMs);
  // The clock may have been set back since the last start, which counts as long as it is newer.
  const retiredAtMs = Math.max(nowMs, lastStartMs);
  const result = await receiver.send(retirementSeries(key, retiredAtMs, timeMs), limits);
  if (result.status === 'stored') return;
  if (result.error.code === SAMPLE_FAR_AHEAD)
    memory.forget({ startMs: Number.POSITIVE_INFINITY, endMs: timeMs });
  throw result.error;
}
