import { resolve } from 'node:path';
import { openClient } from '../delivery/client/open-client.js';
import { startDeadline } from '../delivery/deadline.js';
import type { PushError } from '../delivery/http/push-error.js';
import { UsageError } from '../errors.js';
import { openBacklog } from '../run/open-backlog.js';
import { batchSettings, logSettings } from '../settings/batch-settings.js';
import { gatewayCredentials } from '../settings/credentials.js';
import { resolveSpoolPath } from '../settings/spool-path.js';
import { defineCommand } from './steps/command.js';
import { openLog } from './steps/open-log.js';

const settings = {
  gateway: batchSettings.gateway,
  httpConfigFile: batchSettings.httpConfigFile,
  spool: batchSettings.spool,
  textfile: {
    ...batchSettings.textfile,
    help: "also write what still waits for node_exporter's textfile collector",
  },
  pushTimeoutMs: { ...batchSettings.pushTimeoutMs, help: 'one deadline for each group' },
  json: { kind: 'switch', flags: '--json', env: [], help: 'print the result as JSON' },
  ...logSettings,
} as const;

export const flush = defineCommand({
  notes: `Exit codes:
  0      nothing waits for this gateway any more
  1      something still waits, or was refused and set aside
  2      malformed arguments
  70     a bug in prombatch`,
  settings,
  async run(host, { values }) {
    const { flushFolderOnce } = await import('../delivery/spool/flush-folder.js');
    const { openSpool } = await import('../delivery/spool/spool.js');
    const log = openLog(host, values);
    const path = resolveSpoolPath({ ...values, noSpool: false }, host);
    if (path === undefined)
      throw new UsageError('--spool: expected a folder, and neither XDG_STATE_HOME nor HOME names one');
    const client = await openClient({ ...values, credentials: gatewayCredentials(host) }, log);
    const spool = openSpool(path, log);

    const total = { sent: 0, dropped: 0, rejected: 0, left: 0 };
    const errors: PushError[] = [];
    for (const folder of spool.pendingGroups(client.target)) {
      const deadline = startDeadline(values.pushTimeoutMs);
      const { error, ...counts } = await flushFolderOnce(folder, client, deadline, log).finally(() =>
        deadline.dispose(),
      );
      for (const name of ['sent', 'dropped', 'rejected', 'left'] as const) total[name] += counts[name];
      if (error) errors.push(error);
    }
    client.close();
    const textfile = values.textfile === undefined ? undefined : resolve(host.cwd, values.textfile);
    (await openBacklog({ ...values, textfile, spool: path, dryRun: undefined }, log))();

    const hints = new Set<string | undefined>();
    for (const { message, hint: its, code } of errors) {
      // Once for all groups.
      const hint = hints.has(its) ? undefined : its;
      hints.add(its);
      log.error(message, { event: 'delivery_failed', target: client.target, code, hint });
    }
    const elsewhere = spool.pendingByGateway().filter(({ gateway }) => gateway !== client.target);
    const result = { gateway: client.target, ...total, elsewhere };
    host.stdout.write(values.json ? `${JSON.stringify(result)}\n` : describe(result));
    return total.left > 0 || total.rejected > 0 ? 1 : 0;
  },
});

interface FlushSummary {
  readonly gateway: string;
  readonly sent: number;
  /** Of runs that began before one that the group has heard of since. */
  readonly dropped: number;
  readonly rejected: number;
  readonly left: number;
  readonly elsewhere: readonly { readonly gateway: string; readonly entries: number }[];
}

function describe({ gateway, sent, dropped, rejected, left, elsewhere }: FlushSummary): string {
  const late = dropped > 0 ? `${dropped} dropped as late, ` : '';
  const lines = [
    `${gateway}: ${sent} sent, ${late}${rejected} refused and set aside, ${left} still waiting`,
    ...elsewhere.map(
      ({ gateway: other, entries }) => `${other}: ${entries} waiting; send with --gateway ${other}`,
    ),
  ];
  return `${lines.join('\n')}\n`;
}
