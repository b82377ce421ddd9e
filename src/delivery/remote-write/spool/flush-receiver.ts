import { describeThrown } from '../../../errors.js';
import { takeLock } from '../../../files/lock.js';
import type { Log } from '../../../log.js';
import { withDeadline } from '../../deadline.js';
import { PushError } from '../../http/push-error.js';
import type { Receiver } from '../receiver/receiver.js';
import type { EntryFolder } from './entry-folder.js';
import { openReceiverSpool } from './receiver-spool.js';
import { replay } from './replay.js';

export interface FlushCount {
  readonly sent: number;
  readonly rejected: number;
  readonly left: number;
  readonly errors: readonly PushError[];
}

/** The entries of so many groups go together. */
const GROUPS_AT_ONCE = 100;

/**
 * Sends all that waits for a receiver, the oldest first.
 *
 * @param limitMs for each batch of entries, and for the lock of each group.
 */
export async function flushReceiver(
  receiver: Receiver,
  { path, limitMs, log }: { readonly path: string; readonly limitMs: number; readonly log: Log },
): Promise<FlushCount> {
  const groups = openReceiverSpool(path, receiver.name, log).pendingGroups();
  const errors: PushError[] = [];
  let sent = 0;
  let rejected = 0;
  const flush = async (folders: readonly EntryFolder[]): Promise<PushError | undefined> => {
    const held = await lockAll(folders, limitMs, errors);
    try {
      return await replay(
        receiver,
        held.map(({ folder }) => folder),
        {
          log,
          withLimits: (body) => withDeadline(limitMs, (deadline) => body({ deadline })),
          onReport(_entry, { status }) {
            if (status === 'delivered') sent++;
            else rejected++;
          },
        },
      );
    } finally {
      for (const { release } of held) release();
    }
  };
  for (let at = 0; at < groups.length; at += GROUPS_AT_ONCE) {
    const error = await flush(groups.slice(at, at + GROUPS_AT_ONCE));
    if (!error) continue;
    errors.push(error);
    break;
  }
  const left = groups.reduce((sum, group) => sum + group.waiting().length, 0);
  const damaged = groups.reduce((sum, group) => sum + group.damaged(), 0);
  return { sent, rejected: rejected + damaged, left, errors };
}

/** Locks in the order of their paths, so that two that flush cannot wait for each other. */
async function lockAll(
  folders: readonly EntryFolder[],
  limitMs: number,
  errors: PushError[],
): Promise<{ readonly folder: EntryFolder; readonly release: () => void }[]> {
  const held = [];
  for (const folder of folders.toSorted((a, b) => (a.path < b.path ? -1 : 1))) {
    try {
      const release = await withDeadline(limitMs, ({ signal }) => takeLock(folder.path, signal));
      if (release) held.push({ folder, release });
      else errors.push(busyError(folder.path));
    } catch (error) {
      const message = `the spool's ${folder.path} cannot be used: ${describeThrown(error)}`;
      errors.push(new PushError('SPOOL_UNUSABLE', message, { retryable: false }));
    }
  }
  return held;
}

export function busyError(path: string): PushError {
  return new PushError('SPOOL_BUSY', `another process is sending from the spool ${path}`, {
    retryable: true,
  });
}
