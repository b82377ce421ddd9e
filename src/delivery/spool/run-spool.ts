import { describeThrown } from '../../errors.js';
import type { HeldLock } from '../../files/lock.js';
import type { Log } from '../../log.js';
import type { GatewayClient, PushLimits } from '../client/gateway-client.js';
import type { GroupingKey } from '../grouping-key.js';
import { PushError } from '../http/push-error.js';
import { isOutcomeAll, needsBase, outcomeOf, type RunEntry } from '../push/run-entry.js';
import { END_READ_MS, sendEntry, sendUnkept } from '../push/send-entry.js';
import type { SendReport } from '../target.js';
import { busyError, lockGroup } from './flush-folder.js';
import { type EntryReport, flushGroup } from './flush-group.js';
import type { SpooledEntry } from './group-folder.js';
import { openSpool } from './spool.js';
import type { SpoolLimits } from './spool-limits.js';

/** The end push of one run, kept on disk until the gateway has it, behind all that waits for its group. */
export interface RunSpool {
  /** Whether earlier entries wait. */
  hasPending(): boolean;
  /** Sends what waits, if that can be done in time; resolves with whether nothing waits any more. */
  flush(limits: PushLimits): Promise<boolean>;
  /** Writes the run's entry; returns whether it is kept. If it cannot be written, that is one warning. */
  keep(entry: RunEntry): boolean;
  /** Whether the run's entry waits on disk. */
  isKept(): boolean;
  /**
   * Sends the kept entry after all that waits.
   *
   * @param settle is told what became of it as soon as that is known.
   */
  send(limits: PushLimits, settle: (report: SendReport) => void): Promise<SendReport>;
  /** Keeps an entry that is never to be sent, with the reason. */
  setAside(entry: RunEntry, reason: string): void;
  /** The run asks no more what becomes of its entry. */
  close(): void;
}

export interface RunSpoolOptions {
  readonly path: string;
  readonly limits: SpoolLimits;
  readonly client: GatewayClient;
  readonly key: GroupingKey;
  readonly log: Log;
}

export function createRunSpool({ path, limits: bounds, client, key, log }: RunSpoolOptions): RunSpool {
  const spool = openSpool(path, log);
  const folder = spool.group(client.target, key);
  let kept: (SpooledEntry & { readonly hold: HeldLock }) | undefined;

  const keep = (entry: RunEntry): boolean => {
    try {
      kept = { ...folder.addHeld(entry), entry };
    } catch (error) {
      warnUnusable(error);
      return false;
    }
    log.debug(`kept in the spool: ${folder.path}/${kept.name}`, {
      event: 'spool_kept',
      target: client.target,
    });
    return true;
  };

  const trim = async (fresh: string): Promise<void> => {
    try {
      const dropped = await spool.trim(bounds, fresh);
      if (dropped > 0) {
        log.warn(
          `the spool is full: ${dropped === 1 ? 'its oldest entry was' : `its ${dropped} oldest entries were`} dropped (--spool-limit)`,
          { event: 'spool_full' },
        );
      }
    } catch (error) {
      log.warn(`the spool's limit cannot be kept: ${describeThrown(error)}`, { event: 'spool_unusable' });
    }
  };

  const warnUnusable = (error: unknown): void => {
    log.warn(`the spool cannot be written, and the run is pushed without it: ${describeThrown(error)}`, {
      event: 'spool_unusable',
      hint: 'name a folder that can be written with --spool, or leave it out with --no-spool',
    });
  };

  const sayEarlier = (name: string, { status }: EntryReport): void => {
    if (status === 'late') return;
    const sent = status === 'delivered';
    log.debug(`${name} of the spool: ${sent ? 'sent' : 'refused and set aside'}`, {
      event: sent ? 'spool_sent' : 'spool_set_aside',
      target: client.target,
    });
  };

  /** What another process made of the entry, which is gone though it was held. */
  const dealtWith = (name: string): SendReport => {
    const reason = folder.rejectionOf(name);
    if (reason === undefined) return { status: 'delivered' };
    return { status: 'outcome_only', error: new PushError('PUSH_REJECTED', reason, { retryable: false }) };
  };

  /** Sends what waits and then the entry. What cannot be read must not keep the outcome: it then goes first, alone. */
  const sendInOrder = async (
    { name, entry }: SpooledEntry,
    limits: PushLimits,
    settle: (report: SendReport) => void,
  ): Promise<SendReport> => {
    const first = await flushUntil(name, { ...limits, readMs: END_READ_MS }, settle);
    if (first.status !== 'failed' || !first.unread) return first;
    const alone = await sendEntry(client, outcomeOf(entry), limits);
    if (alone.status !== 'delivered') return { ...alone, spooled: true };
    folder.memory.remember(entry);
    if (isOutcomeAll(entry)) {
      settle(alone);
      folder.remove([name]);
      return alone;
    }
    // Once more, and no oftener or longer: whoever waits for the lock has an outcome, too.
    const rest = await flushUntil(name, { ...limits, readMs: END_READ_MS }, settle);
    return rest.status === 'failed' ? { status: 'outcome_only', error: rest.error, spooled: true } : rest;
  };

  /** The entry stays until the gateway has it. Counts that another process might send as well wait. */
  const sendWithoutLock = async (
    { name, entry }: SpooledEntry,
    limits: PushLimits,
    reason: unknown,
  ): Promise<SendReport> => {
    const message = `the spool cannot be locked: ${describeThrown(reason)}`;
    const error = new PushError('SPOOL_UNUSABLE', message, { retryable: false });
    const counts = needsBase(entry);
    const report = await sendEntry(client, counts ? outcomeOf(entry) : entry, limits);
    if (report.status === 'failed') return { ...report, spooled: true };
    if (counts) return { status: 'outcome_only', error, spooled: true };
    log.warn(message, { event: 'spool_unusable' });
    if (report.status === 'delivered') folder.remove([name]);
    return report;
  };

  const flushUntil = async (
    name: string,
    limits: PushLimits,
    settle: (report: SendReport) => void,
  ): Promise<SendReport> => {
    let report: SendReport | undefined;
    const end = await flushGroup({
      folder,
      client,
      limits,
      onReport: (told, its) => {
        if (told !== name) return sayEarlier(told, its);
        if (its.status === 'late') return;
        report = its;
        settle(its);
      },
      log,
    });
    // Without a report and a reason its file could not be read: the outcome still goes alone.
    return report ?? { status: 'failed', error: busyError(path), unread: true, ...end, spooled: true };
  };

  return {
    keep,
    isKept: () => kept !== undefined && folder.has(kept.name),
    hasPending() {
      try {
        return !folder.isEmpty();
      } catch {
        return false;
      }
    },
    async flush(limits) {
      const release = await lockGroup(folder, limits);
      if (!release) return false;
      try {
        await flushGroup({ folder, client, limits, onReport: sayEarlier, log });
        return folder.isEmpty();
      } finally {
        release();
      }
    },
    async send(limits, settle) {
      if (!kept) throw new Error('expected an entry to send, got none');
      const own = kept;
      const { name, entry, hold } = own;
      await trim(name);
      let release: (() => void) | undefined;
      try {
        release = await lockGroup(folder, limits);
      } catch (error) {
        return sendWithoutLock(own, limits, error);
      }
      try {
        const isThere = folder.has(name);
        if (!isThere && hold.isHeld()) return dealtWith(name);
        if (!release) return { status: 'failed', error: busyError(path), spooled: isThere };
        // One that is gone and not held was dropped: this process was taken for dead.
        return isThere ? await sendInOrder(own, limits, settle) : await sendUnkept(client, entry, limits);
      } finally {
        release?.();
      }
    },
    setAside(entry, reason) {
      try {
        folder.addRejected(entry, reason);
      } catch (error) {
        log.warn(`the job's own metrics were not kept: ${describeThrown(error)}`, {
          event: 'spool_unusable',
        });
      }
    },
    close: () => kept?.hold.release(),
  };
}
