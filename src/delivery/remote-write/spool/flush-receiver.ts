import { describeThrown } from '../../../errors.js';
import { takeLock } from '../../../files/lock.js';
import type { Log } from '../../../log.js';
import { withDeadline } from '../../deadline.js';
import { PushError } from '../../http/push-error.js';
import type { Receiver } from '../receiver/receiver.js';
import type { EntryFolder } from './entry-folder.js';
import { openReceiverSpool } from './receiver-spool.js';
import { ENTRIES_PER_REQUEST, inOrder, replay } from './replay.js';

export interface FlushCount {
  readonly sent: number;
  readonly rejected: number;
  readonly left: number;
  readonly errors: readonly PushError[];
}

/**
 * Sends all that waits for a receiver, the oldest first over all groups: a receiver refuses what is much older than the
 * newest sample it has of any series. Only the groups of what goes next are locked, so that runs that end do not wait long.
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
  const busy = new Set<EntryFolder>();
  const flush = async (folders: readonly EntryFolder[], upTo: string): Promise<PushError | undefined> => {
    const held = await lockAll(folders, limitMs, errors);
    const locked = held.map(({ folder }) => folder);
    for (const folder of folders) if (!locked.includes(folder)) busy.add(folder);
    try {
      return await replay(receiver, locked, {
        log,
        upTo,
        withLimits: (body) => withDeadline(limitMs, (deadline) => body({ deadline })),
        onReport(_entry, { status }) {
          if (status === 'delivered') sent++;
          else rejected++;
        },
      });
    } finally {
      for (const { release } of held) release();
    }
  };
  const queue = inOrder(groups);
  for (let at = 0; at < queue.length; at += ENTRIES_PER_REQUEST) {
    const next = queue.slice(at, at + ENTRIES_PER_REQUEST);
    const folders = new Set(next.map(({ folder }) => folder).filter((folder) => !busy.has(folder)));
    const error = await flush([...folders], next.at(-1)?.waiting.name ?? '');
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
