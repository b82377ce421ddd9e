import { UsageError } from '../errors.js';
import type { GatewayGroup } from '../exposition/api-groups.js';
import { describeGroup, nameGroup, sortGroups } from '../removal/describe.js';
import { batchSettings, logSettings } from '../settings/batch-settings.js';
import { text } from '../settings/parsers.js';
import { defineCommand } from './steps/command.js';
import { openLog } from './steps/open-log.js';
import { gatewaySettings, openRequests } from './steps/read-gateway.js';
import { checkConfirmable, confirm } from './steps/removal/confirm.js';
import { removalSettings, removeAndTell } from './steps/removal/remove-and-tell.js';

const settings = {
  ...gatewaySettings,
  job: {
    kind: 'value',
    flags: '-j, --job <name>',
    env: [],
    help: 'the job whose group to remove',
    parse: text,
    expected: 'the name of a job',
  },
  grouping: {
    ...batchSettings.grouping,
    env: [],
    help: 'a further grouping label of the group; may be repeated',
  },
  allGroupings: {
    kind: 'switch',
    flags: '--all-groupings',
    env: [],
    help: 'remove all groups of the job that have these grouping labels, whatever others they have',
  },
  ...removalSettings,
  ...logSettings,
} as const;

export const deleteCommand = defineCommand({
  notes: `A group is named by its job and all its grouping labels. Its last success goes with it, and alerts on it end. A job
that runs again makes its group again. On a terminal it asks first.

Exit codes:
  0      removed, or with --dry-run: found
  1      there is no such group, the answer was no, or a push came in the moment of the deletion
  2      malformed arguments, or there is no terminal to ask on and no --yes
  3      the gateway cannot be read, or refuses
  70     a bug in prombatch`,
  settings,
  async run(host, { values }) {
    const { job, grouping, allGroupings, dryRun, yes, pushTimeoutMs: timeoutMs } = values;
    if (job === undefined) throw new UsageError('--job: expected the name of a job, got none');
    if (!dryRun) checkConfirmable(host, yes);
    const log = openLog(host, values);
    const requests = await openRequests(host, values);
    try {
      const { groups, nowSeconds } = await requests.readGroups();
      const ofJob = sortGroups(groups).filter(({ labels }) =>
        labels.some(([name, value]) => name === 'job' && value === job),
      );
      const chosen = ofJob.filter(
        (group) =>
          hasLabels(group, grouping) && (allGroupings || group.labels.length === grouping.length + 1),
      );
      if (chosen.length === 0) {
        log.error(`${requests.target} has no such group`, { event: 'no_such_group', hint: hintOf(ofJob) });
        return 1;
      }
      const lines = chosen.map((group) => `  ${nameGroup(group)}: ${describeGroup(group, nowSeconds)}`);
      if (dryRun) {
        host.stdout.write(`would remove ${count(chosen)} from ${requests.target}:\n${lines.join('\n')}\n`);
        return 0;
      }
      if (!yes) host.stderr.write(`${lines.join('\n')}\n`);
      if (!(await confirm(host, yes, `Remove ${count(chosen)} from ${requests.target}?`))) {
        log.info('nothing was removed', { event: 'nothing_removed' });
        return 1;
      }
      return await removeAndTell(host, log, { requests, chosen, whyKeep: () => undefined, timeoutMs });
    } finally {
      requests.close();
    }
  },
});

function hasLabels({ labels }: GatewayGroup, wanted: readonly (readonly [string, string])[]): boolean {
  return wanted.every(([name, value]) => labels.some(([label, held]) => label === name && held === value));
}

function hintOf(ofJob: readonly GatewayGroup[]): string {
  if (ofJob.length === 0) return 'prombatch status lists what is there';
  const shown = ofJob.slice(0, 5).map(nameGroup).join(', ');
  const more = ofJob.length > 5 ? ` and ${ofJob.length - 5} more` : '';
  return `of this job there is ${shown}${more}: name all labels with --grouping, or use --all-groupings`;
}

function count(groups: readonly GatewayGroup[]): string {
  return `${groups.length} group${groups.length === 1 ? '' : 's'}`;
}
