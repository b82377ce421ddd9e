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
      const dropped = spool.trim(bounds);
      if (dropped > 0) {
        log.warn(
          `the spool is full: ${dropped} of its oldest entries were dropped to keep ${bounds.entries} entries and ${bounds.bytes} bytes`,
        );
      }
      return name;
    } catch (error) {
      log.warn(`the spool cannot be written, and the run is pushed without it: ${describeThrown(error)}`, {
        hint: 'name a folder that can be written with --spool, or leave it out with --no-spool',
      });
      return undefined;
    }
  };

  return {
    hasPending: () => isReadable(folder) && !folder.isEmpty(),
    async flush(limits) {
      const release = await lock(folder, limits);
      if (!release) return false;
      try {
        await flushGroup(folder, client, limits);
        return folder.isEmpty();
      } finally {
        release();
      }
    },
    async send(entry, limits) {
      const name = keep(entry);
      if (name === undefined) return sendEntry(client, entry, limits);
      const release = await lock(folder, limits);
      if (!release)
        return folder.has(name)
          ? { status: 'failed', error: busyError(path), spooled: true }
          : { status: 'delivered' };
      try {
        const { reports, error } = await flushGroup(folder, client, limits, name);
        const report = reports.get(name);
        if (report) return report;
        if (error) return { status: 'failed', error, spooled: true };
        return { status: 'delivered' };
      } finally {
        release();
      }
    },
  };
}

/** Sends what waits in a folder, by itself; resolves with how many entries were sent, refused and are left. */
export async function flushFolderOnce(
  folder: GroupFolder,
  client: GatewayClient,
  deadline: Deadline,
): Promise<{ sent: number; rejected: number; left: number; error?: PushError }> {
  const release = await takeLock(folder.path, deadline.signal);
  if (!release) return { sent: 0, rejected: 0, left: folder.list().length, error: busyError(folder.path) };
  try {
    const { reports, error } = await flushGroup(folder, client, { deadline });
    const sent = [...reports.values()].filter(({ status }) => status === 'delivered').length;
    const left = folder.list().length;
    return { sent, rejected: reports.size - sent, left, ...(error ? { error } : {}) };
  } finally {
    release();
  }
}

async function lock(
  folder: GroupFolder,
  { deadline, signal }: PushLimits,
): Promise<(() => void) | undefined> {
  return takeLock(folder.path, signal ? AbortSignal.any([deadline.signal, signal]) : deadline.signal);
}

function isReadable(folder: GroupFolder): boolean {
  try {
    folder.isEmpty();
    return true;
  } catch {
    return false;
  }
}

function busyError(path: string): PushError {
  return new PushError('SPOOL_BUSY', `another process is sending from the spool ${path}`, {
    retryable: true,
  });
}
