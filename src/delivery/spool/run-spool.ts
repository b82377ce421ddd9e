import { describeThrown } from '../../errors.js';
import type { Log } from '../../log.js';
import type { Deadline } from '../deadline.js';
import type { GatewayClient, PushLimits } from '../gateway-client.js';
import type { GroupingKey } from '../grouping-key.js';
import { PushError } from '../push-error.js';
import type { RunEntry } from '../run-entry.js';
import { type SendReport, sendEntry } from '../send-entry.js';
import { flushGroup } from './flush-group.js';
import type { GroupFolder } from './group-folder.js';
import { takeLock } from './lock.js';
import { openSpool } from './spool.js';
import type { SpoolLimits } from './spool-limits.js';

/** The end pushes of one group, each kept on disk until the gateway has it. */
export interface RunSpool {
  /** Whether earlier entries wait. */
  hasPending(): boolean;
  /** Sends what waits, where that can be done in time; resolves with whether nothing waits any more. */
  flush(limits: PushLimits): Promise<boolean>;
  /** Keeps the entry, then sends it after all that waits. */
  send(entry: RunEntry, limits: PushLimits): Promise<SendReport>;
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

  const keep = (entry: RunEntry): string | undefined => {
    try {
      const name = folder.add(entry);
      const dropped = spool.trim(bounds, name);
      if (dropped > 0) {
        log.warn(
          `the spool is full: ${dropped} of its oldest entries were dropped to keep ${bounds.entries} entries and ${bounds.bytes} bytes`,
        );
      }
      return name;
    } catch (error) {
      warnUnusable(error);
      return undefined;
    }
  };

  const warnUnusable = (error: unknown): void => {
    log.warn(`the spool cannot be written, and the run is pushed without it: ${describeThrown(error)}`, {
      hint: 'name a folder that can be written with --spool, or leave it out with --no-spool',
    });
  };

  /** Whoever held the lock took the entry away: it is told, or it was refused. */
  const sentByOther = (name: string): SendReport => {
    const reason = folder.rejectionOf(name);
    if (reason === undefined) return { status: 'delivered' };
    return { status: 'outcome_only', error: new PushError('PUSH_REJECTED', reason, { retryable: false }) };
  };

  const sendInOrder = async (
    name: string,
    limits: PushLimits,
    reports: Map<string, SendReport>,
  ): Promise<SendReport> => {
    const release = await lock(folder, limits);
    if (!release)
      return folder.has(name)
        ? { status: 'failed', error: busyError(path), spooled: true }
        : sentByOther(name);
    try {
      if (!folder.has(name)) return sentByOther(name);
      const error = await flushGroup(folder, client, limits, reports, name);
      const report = reports.get(name);
      if (report) return report;
      return { status: 'failed', error: error ?? busyError(path), spooled: true };
    } finally {
      release();
    }
  };

  return {
    hasPending() {
      try {
        return !folder.isEmpty();
      } catch {
        return false;
      }
    },
    async flush(limits) {
      try {
        const release = await lock(folder, limits);
        if (!release) return false;
        try {
          await flushGroup(folder, client, limits, new Map());
          return folder.isEmpty();
        } finally {
          release();
        }
      } catch (error) {
        if (!isSystemError(error)) throw error;
        log.warn(`what waits in the spool cannot be sent: ${describeThrown(error)}`);
        return false;
      }
    },
    async send(entry, limits) {
      const name = keep(entry);
      if (name === undefined) return sendEntry(client, entry, limits);
      const reports = new Map<string, SendReport>();
      try {
        return await sendInOrder(name, limits, reports);
      } catch (error) {
        if (!isSystemError(error)) throw error;
        warnUnusable(error);
        const report = reports.get(name);
        if (report) return report;
        // Taken back first: an entry that was sent and stayed would be counted again.
        folder.remove([name]);
        return sendEntry(client, entry, limits);
      }
    },
  };
}

/** An error of the file system: a full disk, a folder that cannot be written. */
function isSystemError(error: unknown): boolean {
  return typeof (error as NodeJS.ErrnoException).syscall === 'string';
}

/** Sends what waits in a folder, by itself; resolves with how many entries were sent, refused and are left. */
export async function flushFolderOnce(
  folder: GroupFolder,
  client: GatewayClient,
  deadline: Deadline,
): Promise<{ sent: number; rejected: number; left: number; error?: PushError }> {
  try {
    const release = await takeLock(folder.path, deadline.signal);
    if (!release) return { sent: 0, rejected: 0, left: folder.list().length, error: busyError(folder.path) };
    try {
      const reports = new Map<string, SendReport>();
      const error = await flushGroup(folder, client, { deadline }, reports);
      const sent = [...reports.values()].filter(({ status }) => status === 'delivered').length;
      const left = folder.list().length;
      return { sent, rejected: reports.size - sent, left, ...(error ? { error } : {}) };
    } finally {
      release();
    }
  } catch (error) {
    if (!isSystemError(error)) throw error;
    const unreadable = `the spool's ${folder.path} cannot be used: ${describeThrown(error)}`;
    return {
      sent: 0,
      rejected: 0,
      left: 1,
      error: new PushError('SPOOL_UNUSABLE', unreadable, { retryable: false }),
    };
  }
}

async function lock(
  folder: GroupFolder,
  { deadline, signal }: PushLimits,
): Promise<(() => void) | undefined> {
  return takeLock(folder.path, signal ? AbortSignal.any([deadline.signal, signal]) : deadline.signal);
}

function busyError(path: string): PushError {
  return new PushError('SPOOL_BUSY', `another process is sending from the spool ${path}`, {
    retryable: true,
  });
}
