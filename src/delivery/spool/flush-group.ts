import type { MetricFamily } from '../../exposition/family.js';
import type { GatewayClient, PushLimits } from '../client/gateway-client.js';
import type { GroupingKey } from '../grouping-key.js';
import { PushError, PushUnauthorized } from '../http/push-error.js';
import { foldEntries, lateEntry, type RunEntry } from '../push/run-entry.js';
import { isRefusedBody, type SendReport, sendEntry } from '../push/send-entry.js';
import type { Fold, GroupFolder } from './group-folder.js';

/**
 * Sends what waits for a group, in order, until nothing does or a push fails. Several entries go as one request
 * that leaves the same behind; where that is refused, they go one by one. The caller holds the folder's lock.
 *
 * @param onReport is told what became of each entry that was dealt with, before it is removed.
 * @param fresh the entry of a run that has just ended: where it is the only one, it cannot be late.
 * @returns why the rest still waits, if it does.
 */
export async function flushGroup(
  folder: GroupFolder,
  client: GatewayClient,
  limits: PushLimits,
  onReport: (name: string, report: SendReport) => void,
  fresh?: string,
): Promise<PushError | undefined> {
  let held: readonly MetricFamily[] | undefined;
  let oneByOne = false;

  for (;;) {
    const entries = folder.list();
    const begun = folder.fold();
    const [first] = entries;
    if (!first && !begun) return undefined;
    if (!held && (begun || entries.length > 1 || first?.name !== fresh)) {
      const reading = await readHeld(client, (begun?.entry ?? first?.entry ?? missing()).key, limits);
      if (reading instanceof PushError) return reading;
      held = reading;
    }
    const ifLate = (entry: RunEntry): RunEntry => (held ? lateEntry(entry, held) : entry);
    const current = entries.map(({ name, entry }) => ({ name, entry: ifLate(entry) }));
    const made = begun || oneByOne ? undefined : foldAll(current);
    if (made) folder.writeFold(made);
    const fold = begun ? { ...begun, entry: ifLate(begun.entry) } : made;

    const names = fold?.members ?? [current[0]?.name ?? missing()];
    const entry = fold?.entry ?? current[0]?.entry ?? missing();
    const report = isEmpty(entry)
      ? ({ status: 'delivered' } as const)
      : await sendEntry(client, entry, limits, {
          fallback: !fold,
          async onBase(based) {
            if (fold) folder.writeFold({ members: fold.members, entry: based });
            else folder.update(names[0] ?? missing(), based);
          },
        });

    if (fold && report.status === 'failed' && (report.refused || isRefusedBody(report.error))) {
      // Nothing of it was stored, so that its members can be told one by one.
      folder.removeFold();
      oneByOne = true;
      continue;
    }
    if (report.status === 'failed' && !isRefusedBody(report.error)) return report.error;
    for (const name of names) onReport(name, report);
    if (report.status === 'delivered') folder.remove(names);
    else folder.reject(names[0] ?? missing(), report.error.message);
    if (fold) folder.removeFold();
  }
}

/**
 * What the group holds, or why the gateway cannot tell now. One that never will, such as a proxy that passes pushes
 * only, is taken to hold nothing: else what waits would wait for ever.
 */
async function readHeld(
  client: GatewayClient,
  key: GroupingKey,
  limits: PushLimits,
): Promise<readonly MetricFamily[] | PushError> {
  try {
    return await client.readGroup(key, limits);
  } catch (error) {
    if (!(error instanceof PushError)) throw error;
    return error.retryable || error instanceof PushUnauthorized ? error : [];
  }
}

/** As many entries from the first on as make one, or `undefined` where that is but the first. */
function foldAll(entries: readonly { name: string; entry: RunEntry }[]): Fold | undefined {
  const [first, ...rest] = entries;
  if (!first) return undefined;
  const members = [first.name];
  let entry = first.entry;
  for (const next of rest) {
    const folded = foldEntries(entry, next.entry);
    if (!folded) break;
    entry = folded;
    members.push(next.name);
  }
  return members.length > 1 ? { members, entry } : undefined;
}

function isEmpty({ outcome, own }: RunEntry): boolean {
  return outcome === '' && own === '';
}

function missing(): never {
  throw new Error('an entry of the spool is gone while its lock is held');
}
