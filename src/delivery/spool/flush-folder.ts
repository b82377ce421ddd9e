import { describeThrown, isSystemError } from '../../errors.js';
import { takeLock } from '../../files/lock.js';
import type { Log } from '../../log.js';
import type { GatewayClient, PushLimits } from '../client/gateway-client.js';
import type { Deadline } from '../deadline.js';
import { PushError } from '../http/push-error.js';
import { type EntryReport, flushGroup } from './flush-group.js';
import type { GroupFolder } from './group-folder.js';

/** How many entries were sent, dropped as late, refused and set aside, and are left. */
export interface FlushCounts {
  readonly sent: number;
  readonly dropped: number;
  readonly rejected: number;
  readonly left: number;
  /** Why some are left. */
  readonly error?: PushError;
}

/** Sends what waits in a folder, by itself. */
export async function flushFolderOnce(
  folder: GroupFolder,
  client: GatewayClient,
  deadline: Deadline,
  log: Log,
): Promise<FlushCounts> {
  try {
    const release = await lockGroup(folder, { deadline });
    if (!release) return { ...NOTHING_SENT, left: folder.count(), error: busyError(folder.path) };
    try {
      let sent = 0;
      let dropped = 0;
      let refused = 0;
      const onReport = (_name: string, { status }: EntryReport): void => {
        if (status === 'delivered') sent++;
        else if (status === 'late') dropped++;
        else refused++;
      };
      const end = await flushGroup({ folder, client, limits: { deadline }, onReport, log });
      return {
        sent,
        dropped,
        rejected: refused + folder.damaged(),
        left: folder.count(),
        ...(end ? { error: end.error } : {}),
      };
    } finally {
      release();
    }
  } catch (error) {
    if (!isSystemError(error)) throw error;
    const unreadable = `the spool's ${folder.path} cannot be used: ${describeThrown(error)}`;
    return {
      ...NOTHING_SENT,
      left: 1,
      error: new PushError('SPOOL_UNUSABLE', unreadable, { retryable: false }),
    };
  }
}

const NOTHING_SENT = { sent: 0, dropped: 0, rejected: 0 };

/**
 * Takes the lock of a group, waiting as long as the limits allow; `undefined` if that was too short.
 *
 * @throws the system's error if no file can be made there.
 */
export async function lockGroup(
  folder: GroupFolder,
  { deadline, signal }: PushLimits,
): Promise<(() => void) | undefined> {
  return takeLock(folder.path, signal ? AbortSignal.any([deadline.signal, signal]) : deadline.signal);
}

export function busyError(path: string): PushError {
  return new PushError('SPOOL_BUSY', `another process is sending from the spool ${path}`, {
    retryable: true,
  });
}
