import { UsageError } from '../errors.js';
import type { GatewayGroup } from '../exposition/api-groups.js';
import { describeGroup, nameGroup, sortGroups } from '../removal/describe.js';
import { hasReceivers } from '../run/run-options.js';
import { batchSettings, logSettings } from '../settings/batch-settings.js';
import { text } from '../settings/parsers.js';
import { defineCommand } from './steps/command.js';
import { openLog } from './steps/open-log.js';
import { gatewaySettings, openRequests } from './steps/read-gateway.js';
import { checkConfirmable, confirm } from './steps/removal/confirm.js';
import { removalSettings, removeAndTell } from './steps/removal/remove-and-tell.js';
import { retireAndTell } from './steps/removal/retire-and-tell.js';

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
  retire: {
    kind: 'switch',
    flags: '--retire',
    env: [],
    help: 'retire the job at receivers of remote write, and leave the gateway alone',
  },
  remoteWrite: {
    ...batchSettings.remoteWrite,
    help: 'with --retire: a receiver of remote write, such as http://prometheus:9090/api/v1/write; may be repeated',
  },
  remoteWriteFile: {
    ...batchSettings.remoteWriteFile,
    help: "with --retire: receivers of remote write, in the YAML form of Prometheus' remote_write",
  },
  spool: { ...batchSettings.spool, help: "with --retire: the spool of the job's runs" },
  ...removalSettings,
  ...logSettings,
} as const;

export const deleteCommand = defineCommand({
  notes: `A group is named by its job and all its grouping labels. Its last success goes with it, and alerts on it end. A job
that runs again makes its group again. On a terminal it asks first.

By remote write nothing is removed: with --retire the receivers are told that the job is retired, and the alerts of
that road end until it starts again.

Exit codes:
  0      removed or retired, or with --dry-run: found
  1      there is no such group, the answer was no, or a push came in the moment of the deletion
  2      malformed arguments, or there is no terminal to ask on and no --yes
  3      the gateway cannot be read, or refuses; with --retire: a receiver did not take it
  70     a bug in prombatch`,
  settings,
  async run(host, { values, given }) {
    const { job, grouping, allGroupings, retire, dryRun, yes, pushTimeoutMs: timeoutMs } = values;
    if (job === undefined) throw new UsageError('--job: expected the name of a job, got none');
    if (!dryRun) checkConfirmable(host, yes);
    const log = openLog(host, values);
    if (retire) {
      checkNamed(allGroupings);
      return retireAndTell(host, log, { ...values, job, timeoutMs });
    }
    if (hasReceivers(values) && !given.has('gateway')) throw noGateway();
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

function checkNamed(allGroupings: boolean): void {
  if (!allGroupings) return;
  throw new UsageError('--all-groupings: expected it without --retire', {
    hint: 'a receiver is not read: retire each group by itself, with all its labels as --grouping',
  });
}

/** As for a run, receivers stand in for the usual gateway: a group must not be removed from one that nobody named. */
function noGateway(): UsageError {
  return new UsageError(
    '--gateway: expected the Pushgateway that holds the group, got receivers of remote write alone',
    {
      hint: 'at receivers a job is retired with --retire; PROMBATCH_REMOTE_WRITE and PROMBATCH_REMOTE_WRITE_FILE name some, too',
    },
  );
}

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
