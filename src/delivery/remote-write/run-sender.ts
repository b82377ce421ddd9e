import { describeThrown } from '../../errors.js';
import { takeLock } from '../../files/lock.js';
import type { Log } from '../../log.js';
import { formatKey, type GroupingKey } from '../grouping-key.js';
import { PushError } from '../http/push-error.js';
import type { RetryLimits } from '../http/try-again.js';
import type { SpoolLimits } from '../spool/spool-limits.js';
import type { SendReport } from '../target.js';
import type { Entry, EntryTimes } from './entry/entry.js';
import { followUp } from './follow-up.js';
import { type GroupMemory, processMemory, type RunTimes, withFallback } from './group-memory.js';
import { SAMPLE_FAR_AHEAD } from './receiver/answers.js';
import type { Receiver } from './receiver/receiver.js';
import { type OutgoingEntry, sendEntries } from './send-entries.js';
import { Unavailable } from './send-parts.js';
import type { EntryFolder } from './spool/entry-folder.js';
import { busyError } from './spool/flush-receiver.js';
import { openReceiverSpool } from './spool/receiver-spool.js';
import { replay } from './spool/replay.js';

/** The entry of a run, whose times are fixed. */
export interface FixedEntry {
  readonly entry: Entry;
  readonly times: EntryTimes;
  /** Its name in the spool; `undefined` if it is kept nowhere. */
  readonly name: string | undefined;
}

/** Sends the entry of one run, behind all that waits for its group at the receiver. */
export interface RunSender {
  readonly memory: GroupMemory;
  /** Fixes the times of the run's entry, and keeps it on the disk if there is a spool that can be written. */
  fix(entry: Entry, run: RunTimes): FixedEntry;
  send(fixed: FixedEntry, limits: RetryLimits, startStored: boolean): Promise<SendReport>;
  /** Sends an entry by itself, and leaves what is kept of it. */
  sendAlone(fixed: FixedEntry, limits: RetryLimits, startStored: boolean): Promise<SendReport>;
  /** Keeps what is never to be sent, with the reason. */
  setAside(fixed: FixedEntry, reason: string): void;
}

export interface RunSenderOptions {
  readonly receiver: Receiver;
  readonly key: GroupingKey;
  readonly spool: { readonly path: string; readonly limits: SpoolLimits } | undefined;
  readonly log: Log;
}

export function createRunSender({ receiver, key, spool: given, log }: RunSenderOptions): RunSender {
  const { name: target } = receiver;
  const spool = given && openReceiverSpool(given.path, receiver.name, log);
  const folder = spool?.group(key);
  const inProcess = processMemory(`${receiver.name} ${formatKey(key)}`);
  const memory = folder ? withFallback(folder, inProcess) : inProcess;

  const keep = (entry: Entry, run: RunTimes): FixedEntry | undefined => {
    if (!folder) return undefined;
    try {
      const kept = folder.keep(entry, run);
      log.debug(`kept in the spool: ${folder.path}/${kept.name}`, { event: 'spool_kept', target });
      trim(kept.name);
      return { entry, ...kept };
    } catch (error) {
      log.warn(`the spool cannot be written, and the run is pushed without it: ${describeThrown(error)}`, {
        event: 'spool_unusable',
        target,
        hint: 'name a folder that can be written with --spool, or leave it out with --no-spool',
      });
      return undefined;
    }
  };

  const trim = (fresh: string): void => {
    if (!spool || !given) return;
    try {
      const { limits } = given;
      const dropped = spool.trim(limits, fresh);
      if (dropped === 0) return;
      log.warn(
        `the spool is full: ${dropped} of the oldest entries for ${receiver.name} were dropped to keep ${limits.entries} entries and ${limits.bytes} bytes`,
        { event: 'spool_full', target },
      );
    } catch (error) {
      log.warn(`the spool's limit cannot be kept: ${describeThrown(error)}`, {
        event: 'spool_unusable',
        target,
      });
    }
  };

  const sendAlone: RunSender['sendAlone'] = (fixed, limits, startStored) =>
    sendUnkept(
      receiver,
      { ...fixed, group: '', startStored: startStored || fixed.entry.startStored },
      memory,
      limits,
    );

  const sendInOrder = async (
    from: EntryFolder,
    name: string,
    limits: RetryLimits,
    startStored: boolean,
  ): Promise<SendReport> => {
    let report: SendReport | undefined;
    const error = await replay(receiver, [from], {
      withLimits: (body) => body(limits),
      log,
      startStored: (sent) => sent === name && startStored,
      onReport(each, its) {
        if (each.name === name) report = its;
      },
    });
    return report ?? { status: 'failed', error: error ?? lostError(receiver), spooled: true };
  };

  /** The entry is gone: whoever held the lock has told it or set it aside, or a full spool has dropped it. */
  const afterOther = (
    from: EntryFolder,
    fixed: FixedEntry,
    name: string,
    limits: RetryLimits,
    startStored: boolean,
  ): SendReport | Promise<SendReport> => {
    const reason = from.rejectionOf(name);
    if (reason !== undefined)
      return {
        status: 'failed',
        error: new PushError('PUSH_REJECTED', reason, { retryable: false }),
        setAside: true,
      };
    if (from.wasDelivered(fixed.times.endMs)) return { status: 'delivered' };
    return sendAlone(fixed, limits, startStored);
  };

  return {
    memory,
    fix(entry, run) {
      return keep(entry, run) ?? { entry, times: inProcess.giveTimes(run), name: undefined };
    },
    sendAlone,
    async send(fixed, limits, startStored) {
      const { name } = fixed;
      if (!folder || name === undefined) return sendAlone(fixed, limits, startStored);
      let release: (() => void) | undefined;
      try {
        release = await takeLock(folder.path, limits.deadline.signal);
      } catch (error) {
        log.warn(`the spool cannot be locked: ${describeThrown(error)}`, { event: 'spool_unusable', target });
        return sendUnlocked(folder, name, await sendAlone(fixed, limits, startStored));
      }
      try {
        if (!folder.has(name)) return await afterOther(folder, fixed, name, limits, startStored);
        if (!release) return { status: 'failed', error: busyError(folder.path), spooled: true };
        return await sendInOrder(folder, name, limits, startStored);
      } finally {
        release?.();
      }
    },
    setAside({ entry, times }, reason) {
      try {
        folder?.setAside(entry, times, reason);
      } catch (error) {
        log.warn(`the job's own metrics were not kept: ${describeThrown(error)}`, {
          event: 'spool_unusable',
          target,
        });
      }
    },
  };
}

/** What was sent without the lock is taken away only if nothing of it can be missing. */
function sendUnlocked(folder: EntryFolder, name: string, report: SendReport): SendReport {
  if (report.status === 'delivered') folder.remove([name]);
  return report.status === 'failed' ? { ...report, spooled: true } : report;
}

/** Sends an entry by itself: what waits, and what is kept of it, stays as it is. */
async function sendUnkept(
  receiver: Receiver,
  outgoing: OutgoingEntry,
  memory: GroupMemory,
  limits: RetryLimits,
): Promise<SendReport> {
  const { sent, error } = await sendEntries(receiver, [outgoing], limits, { inDoubt: false });
  const result = sent.get(outgoing);
  if (!result) return { status: 'failed', error: error ?? lostError(receiver) };
  if (error) return { status: 'outcome_only', error };
  try {
    const settled = await followUp(receiver, outgoing, result, memory, limits);
    if (settled.status === 'delivered') return settled;
    if (settled.error.code === SAMPLE_FAR_AHEAD) memory.forget(outgoing.times);
    return { status: settled.status === 'refused' ? 'failed' : 'outcome_only', error: settled.error };
  } catch (reason) {
    if (!(reason instanceof Unavailable)) throw reason;
    return { status: result.outcome.stored ? 'outcome_only' : 'failed', error: reason.error };
  }
}

function lostError(receiver: Receiver): PushError {
  const message = `the run's entry for ${receiver.name} cannot be read from the spool any more`;
  return new PushError('SPOOL_UNUSABLE', message, { retryable: false });
}
