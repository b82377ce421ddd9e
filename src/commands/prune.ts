import { UsageError } from '../errors.js';
import { nameGroup, sortGroups } from '../removal/describe.js';
import { type PruneRule, planPrune, type Verdict } from '../removal/plan-prune.js';
import { logSettings } from '../settings/batch-settings.js';
import { longDuration, text } from '../settings/parsers.js';
import { defineCommand } from './steps/command.js';
import { openLog } from './steps/open-log.js';
import { gatewaySettings, openRequests } from './steps/read-gateway.js';
import { checkConfirmable, confirm } from './steps/removal/confirm.js';
import { removalSettings, removeAndTell } from './steps/removal/remove-and-tell.js';

const settings = {
  ...gatewaySettings,
  olderThanMs: {
    kind: 'value',
    flags: '--older-than <duration>',
    env: [],
    help: 'groups that were not pushed for so long',
    parse: longDuration,
    expected: 'a duration such as 7d, more than 0',
  },
  job: {
    kind: 'value',
    flags: '-j, --job <pattern>',
    env: [],
    help: 'only jobs of this name; * is any text, ? any character',
    parse: text,
    expected: 'a name or a pattern such as import_*',
  },
  includeOverdue: {
    kind: 'switch',
    flags: '--include-overdue',
    env: [],
    help: 'overdue ones, too: their alerts end',
  },
  ...removalSettings,
  ...logSettings,
} as const;

export const prune = defineCommand({
  notes: `A group is kept if its next success is not yet due, if it is overdue (without --include-overdue), or if a run is
under way. Times are compared by the gateway's clock. Each group is read again right before it is removed; a push that
comes between that and the deletion goes with the group, and is reported. On a terminal it asks first.

Exit codes:
  0      removed, nothing to remove, or --dry-run
  1      the answer was no, a push came in the moment of a deletion, or a group is still there
  2      malformed arguments, or there is no terminal to ask on and no --yes
  3      the gateway cannot be read, or refuses
  70     a bug in prombatch`,
  settings,
  async run(host, { values }) {
    const { olderThanMs, job, includeOverdue, dryRun, yes, pushTimeoutMs: timeoutMs } = values;
    if (olderThanMs === undefined)
      throw new UsageError('--older-than: expected a duration such as 7d, got none');
    if (!dryRun) checkConfirmable(host, yes);
    const log = openLog(host, values);
    const requests = await openRequests(host, values);
    const rule: PruneRule = { olderThanSeconds: olderThanMs / 1000, job, includeOverdue };
    try {
      const { groups, nowSeconds } = await requests.readGroups();
      const verdicts = planPrune(sortGroups(groups), nowSeconds, rule);
      const going = verdicts.filter(({ action }) => action === 'remove');
      const chosen = going.map(({ group }) => group);
      // With --yes each line says what became of a group, so that the plan would say it twice.
      const plan = describePlan(verdicts, groups.length, requests.target, yes && !dryRun);
      if (dryRun || chosen.length === 0) {
        host.stdout.write(plan);
        return 0;
      }
      (yes ? host.stdout : host.stderr).write(plan);
      if (!(await confirm(host, yes, `Remove ${chosen.length === 1 ? 'it' : 'them'}?`))) {
        log.info('nothing was removed', { event: 'nothing_removed' });
        return 1;
      }
      const whyKeep: Parameters<typeof removeAndTell>[2]['whyKeep'] = (group, now) => {
        const [verdict] = planPrune([group], now, rule);
        return verdict?.action === 'remove' ? undefined : (verdict?.why ?? 'it is another');
      };
      return await removeAndTell(host, log, { requests, chosen, whyKeep, timeoutMs });
    } finally {
      requests.close();
    }
  },
});

/** What would go and what stays although it is old, each with the reason. */
function describePlan(
  verdicts: readonly Verdict[],
  total: number,
  target: string,
  withoutGoing: boolean,
): string {
  const of = (wanted: Verdict['action']) => verdicts.filter(({ action }) => action === wanted);
  const lines = (given: readonly Verdict[]) =>
    given.map(({ group, why }) => `  ${nameGroup(group)}: ${why}\n`);
  const going = of('remove');
  const kept = of('keep');
  const head = `${target}: ${going.length} of ${total} groups to remove\n`;
  return [
    head,
    ...(withoutGoing ? [] : lines(going)),
    ...(kept.length > 0 ? [`${kept.length} old and kept\n`, ...lines(kept)] : []),
  ].join('');
}
