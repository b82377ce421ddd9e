import { resolve } from 'node:path';
import { type GatewayAccess, openClient } from '../delivery/client/open-client.js';
import { startDeadline } from '../delivery/deadline.js';
import type { PushError } from '../delivery/http/push-error.js';
import type { ReceiversAccess } from '../delivery/remote-write/receiver/open-receivers.js';
import { UsageError } from '../errors.js';
import type { Log } from '../log.js';
import { openBacklog } from '../run/open-backlog.js';
import { hasReceivers, resolveGatewayName } from '../run/run-options.js';
import { batchSettings, logSettings } from '../settings/batch-settings.js';
import { gatewayCredentials } from '../settings/credentials.js';
import { resolveSpoolPath } from '../settings/spool-path.js';
import { defineCommand } from './steps/command.js';
import { openLog } from './steps/open-log.js';

const settings = {
  gateway: batchSettings.gateway,
  remoteWrite: batchSettings.remoteWrite,
  remoteWriteFile: batchSettings.remoteWriteFile,
  httpConfigFile: batchSettings.httpConfigFile,
  spool: batchSettings.spool,
  textfile: {
    ...batchSettings.textfile,
    help: "also write what still waits for node_exporter's textfile collector",
  },
  pushTimeoutMs: {
    ...batchSettings.pushTimeoutMs,
    help: 'one deadline for each group; for a receiver of remote write, for each batch',
  },
  json: { kind: 'switch', flags: '--json', env: [], help: 'print the result as JSON' },
  ...logSettings,
} as const;

export const flush = defineCommand({
  notes: `Exit codes:
  0      nothing waits for this gateway and these receivers any more
  1      something still waits, or was refused and set aside
  2      malformed arguments
  70     a bug in prombatch`,
  settings,
  async run(host, { values }) {
    const log = openLog(host, values);
    const path = resolveSpoolPath({ ...values, noSpool: false }, host);
    if (path === undefined)
      throw new UsageError('--spool: expected a folder, and neither XDG_STATE_HOME nor HOME names one');
    const gateway = resolveGatewayName(values);
    const access = { ...values, gateway, credentials: gatewayCredentials(host) };
    const flushed = [
      ...(gateway === 'none' ? [] : [await flushGateway(access, path, values.pushTimeoutMs, log)]),
      ...(hasReceivers(values) ? await flushReceivers(access, path, values.pushTimeoutMs, log) : []),
    ];
    const textfile = values.textfile === undefined ? undefined : resolve(host.cwd, values.textfile);
    (await openBacklog({ gateway, textfile, spool: path, dryRun: undefined }, log))();
    for (const each of flushed) sayErrors(each, log);
    const elsewhere = await findElsewhere(path, flushed, log);
    host.stdout.write(
      values.json ? `${JSON.stringify(toJson(flushed, elsewhere))}\n` : describe(flushed, elsewhere),
    );
    return flushed.some(({ left, rejected }) => left > 0 || rejected > 0) ? 1 : 0;
  },
});

function sayErrors({ name: target, errors }: Flushed, log: Log): void {
  const hints = new Set<string | undefined>();
  for (const { message, hint: its, code } of errors) {
    // Once for all groups.
    const hint = hints.has(its) ? undefined : its;
    hints.add(its);
    log.error(message, { event: 'delivery_failed', target, code, hint });
  }
}

/** What became of all that waited for one gateway or receiver. */
interface Flushed {
  readonly kind: 'gateway' | 'receiver';
  readonly name: string;
  readonly sent: number;
  /** Of runs that began before one that the group has heard of since. */
  readonly dropped: number;
  readonly rejected: number;
  readonly left: number;
  readonly errors: readonly PushError[];
}

type Waiting = Pick<Flushed, 'kind' | 'name'> & { readonly entries: number };

async function flushGateway(
  access: GatewayAccess,
  path: string,
  limitMs: number,
  log: Log,
): Promise<Flushed> {
  const { flushFolderOnce } = await import('../delivery/spool/flush-folder.js');
  const { openSpool } = await import('../delivery/spool/spool.js');
  const client = await openClient(access, log);
  const total = { sent: 0, dropped: 0, rejected: 0, left: 0 };
  const errors: PushError[] = [];
  for (const folder of openSpool(path, log).pendingGroups(client.target)) {
    const deadline = startDeadline(limitMs);
    const { error, ...counts } = await flushFolderOnce(folder, client, deadline, log).finally(() =>
      deadline.dispose(),
    );
    for (const name of ['sent', 'dropped', 'rejected', 'left'] as const) total[name] += counts[name];
    if (error) errors.push(error);
  }
  client.close();
  return { kind: 'gateway', name: client.target, ...total, errors };
}

/** At the same time, so that one that is down keeps no other waiting. */
async function flushReceivers(
  access: ReceiversAccess,
  path: string,
  limitMs: number,
  log: Log,
): Promise<Flushed[]> {
  const { flushReceiver, openReceivers } = await import('../delivery/remote-write/remote-write.js');
  const receivers = await openReceivers(access, log, (error) => {
    throw error;
  });
  return Promise.all(
    receivers.map(async (receiver) => {
      const counts = await flushReceiver(receiver, { path, limitMs, log });
      receiver.close();
      return { kind: 'receiver', name: receiver.name, dropped: 0, ...counts } as const;
    }),
  );
}

/** What waits for others than those that were flushed. */
async function findElsewhere(path: string, flushed: readonly Flushed[], log: Log): Promise<Waiting[]> {
  const { openSpool } = await import('../delivery/spool/spool.js');
  const { pendingByReceiver } = await import('../delivery/remote-write/remote-write.js');
  const gateways = openSpool(path, log)
    .pendingByGateway()
    .map(({ gateway: name, entries }): Waiting => ({ kind: 'gateway', name, entries }));
  const receivers = pendingByReceiver(path).map(
    ({ receiver: name, entries }): Waiting => ({ kind: 'receiver', name, entries }),
  );
  return [...gateways, ...receivers].filter(
    (each) => !flushed.some(({ kind, name }) => kind === each.kind && name === each.name),
  );
}

function toJson(flushed: readonly Flushed[], elsewhere: readonly Waiting[]): object {
  const total = (count: 'sent' | 'dropped' | 'rejected' | 'left') =>
    flushed.reduce((sum, each) => sum + each[count], 0);
  const gateway = flushed.find(({ kind }) => kind === 'gateway');
  const receivers = flushed
    .filter(({ kind }) => kind === 'receiver')
    .map(({ name: receiver, sent, rejected, left }) => ({ receiver, sent, rejected, left }));
  return {
    ...(gateway ? { gateway: gateway.name } : {}),
    ...(receivers.length > 0 ? { receivers } : {}),
    sent: total('sent'),
    dropped: total('dropped'),
    rejected: total('rejected'),
    left: total('left'),
    elsewhere: elsewhere.map(({ kind, name, entries }) => ({ [kind]: name, entries })),
  };
}

function describe(flushed: readonly Flushed[], elsewhere: readonly Waiting[]): string {
  const lines = [
    ...flushed.map(
      ({ name, sent, dropped, rejected, left }) =>
        `${name}: ${sent} sent, ${dropped > 0 ? `${dropped} dropped as late, ` : ''}${rejected} refused and set aside, ${left} still waiting`,
    ),
    ...elsewhere.map(({ kind, name, entries }) => {
      const flag = kind === 'gateway' ? `--gateway ${name}` : '--remote-write or --remote-write-file';
      return `${name}: ${entries} waiting; send with ${flag}`;
    }),
  ];
  return `${lines.join('\n')}\n`;
}
