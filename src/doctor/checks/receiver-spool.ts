import { describeAge } from '../../status/describe.js';
import { printable } from '../../status/printable.js';
import type { Evidence, ReceiverEvidence } from '../evidence.js';
import type { Finding } from '../finding.js';
import { quoted } from '../words.js';

/** What waits on this host for receivers, and what was set aside. */
export function checkReceiverSpool({ spool, receivers: lookedAt = [] }: Evidence): readonly Finding[] {
  if (!spool) return [];
  const { path, receivers = [], nowSeconds } = spool;
  return receivers.flatMap(({ receiver, waiting, waitingSinceSeconds = nowSeconds, setAside }) => {
    const findings: Finding[] = [];
    const looked = lookedAt.find(({ target }) => target === receiver);
    if (waiting > 0) {
      const other = looked || lookedAt.length === 0 ? '' : ', which is not one looked at';
      findings.push({
        check: 'spool_waits',
        what: `${waiting === 1 ? '1 run waits' : `${waiting} runs wait`} in the spool for ${printable(receiver)}${other}; the first ended ${describeAge(Math.max(0, nowSeconds - waitingSinceSeconds))}`,
        why: 'The receiver does not know of these runs yet.',
        fix: `prombatch flush ${flagsOf(receiver, looked)}--spool ${quoted(path)}`,
      });
    }
    if (setAside > 0) {
      findings.push({
        check: 'spool_set_aside',
        what: `${setAside} run${setAside === 1 ? ' was' : 's were'} set aside in the spool for ${printable(receiver)}`,
        why: 'It was refused or is damaged, in whole or in part, and is never sent.',
        fix: `find ${quoted(path)} -name '*.reason' -exec cat {} + says why; delete the files of rejected/ once that is settled`,
      });
    }
    return findings;
  });
}

/** A name of a file's receiver is more than its address. */
function flagsOf(receiver: string, looked: ReceiverEvidence | undefined): string {
  const flags = looked?.flags ?? (/\s/.test(receiver) ? [] : [['--remote-write', receiver] as const]);
  return flags.map(([flag, value]) => `${flag} ${quoted(value)} `).join('');
}
