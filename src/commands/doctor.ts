import { resolve } from 'node:path';
import { parseGatewayAddress } from '../delivery/http/gateway-address.js';
import { PushError } from '../delivery/http/push-error.js';
import type { ReceiversAccess } from '../delivery/remote-write/receiver/open-receivers.js';
import type { Evidence, GatewayEvidence, ReceiverEvidence } from '../doctor/evidence.js';
import type { ScrapedGateway } from '../doctor/read/read-prometheus.js';
import { UsageError } from '../errors.js';
import type { Host } from '../process/host.js';
import { redactAddress } from '../redact.js';
import { hasReceivers, resolveGatewayName } from '../run/run-options.js';
import { batchSettings, logSettings } from '../settings/batch-settings.js';
import { gatewayCredentials } from '../settings/credentials.js';
import type { Parse, SettingValues } from '../settings/setting.js';
import { resolveSpoolPath } from '../settings/spool-path.js';
import { defineCommand } from './steps/command.js';
import { gatewaySettings } from './steps/read-gateway.js';

/** An address of the form that a gateway's has. */
const addressText: Parse<string> = (given) => {
  try {
    parseGatewayAddress(given);
    return given;
  } catch {
    return undefined;
  }
};

const settings = {
  ...gatewaySettings,
  gateway: {
    ...batchSettings.gateway,
    help: 'the Pushgateway: host:port, an http(s) URL or none (default: http://localhost:9091; with --remote-write: none)',
  },
  remoteWrite: batchSettings.remoteWrite,
  remoteWriteFile: batchSettings.remoteWriteFile,
  prometheus: {
    kind: 'value',
    flags: '--prometheus <url>',
    env: [],
    help: 'also look at the Prometheus that should scrape it',
    parse: addressText,
    expected: 'the address of a Prometheus such as http://localhost:9090',
    redact: redactAddress,
  },
  spool: { ...batchSettings.spool, help: 'the spool to look at (default: as for run)' },
  textfile: {
    ...batchSettings.textfile,
    help: "the folder of node_exporter's textfile collector to look at",
  },
  json: { kind: 'switch', flags: '--json', env: [], help: 'print the findings as JSON' },
  ...logSettings,
} as const;

export const doctor = defineCommand({
  notes: `It looks at the gateway, at receivers of remote write, at this host's spool and, with --prometheus, at its scrape and
its rules. It changes nothing: what it writes to a receiver holds no sample.
Each finding says what was found, why it matters and what to type.

Exit codes:
  0      nothing was found
  1      something was found
  2      malformed arguments
  3      the gateway or a receiver cannot be reached
  70     a bug in prombatch`,
  settings,
  async run(host, { values }) {
    const [{ diagnose }, { formatReport, reportJson }, evidence] = await Promise.all([
      import('../doctor/diagnose.js'),
      import('../doctor/report.js'),
      readEvidence(host, values),
    ]);
    const findings = diagnose(evidence);
    host.stdout.write(
      values.json ? `${JSON.stringify(reportJson(evidence, findings))}\n` : formatReport(evidence, findings),
    );
    const { gateway, receivers = [] } = evidence;
    if ([gateway?.status, ...receivers.map(({ probe }) => probe)].some((each) => each instanceof PushError))
      return 3;
    return findings.length > 0 ? 1 : 0;
  },
});

async function readEvidence(host: Host, values: SettingValues<typeof settings>): Promise<Evidence> {
  const { prometheus, pushTimeoutMs, textfile } = values;
  const gateway = resolveGatewayName(values);
  if (gateway === 'embedded') {
    throw new UsageError('--gateway: expected the address of a Pushgateway or none, got "embedded"');
  }
  const [{ readGatewayEvidence }, { readPrometheus }, { readSpool, readTextfiles }] = await Promise.all([
    import('../doctor/read/read-gateway.js'),
    import('../doctor/read/read-prometheus.js'),
    import('../doctor/read/read-host.js'),
  ]);
  const access = { ...values, gateway, credentials: gatewayCredentials(host) };
  const read = gateway === 'none' ? undefined : await readGatewayEvidence(access, pushTimeoutMs);
  const spool = resolveSpoolPath({ spool: values.spool, noSpool: false }, host);
  return {
    ...(read ? { gateway: read } : {}),
    ...(hasReceivers(values) ? { receivers: await readReceivers(values, pushTimeoutMs) } : {}),
    ...(spool === undefined ? {} : { spool: readSpool(spool) }),
    ...(textfile === undefined ? {} : { textfile: readTextfiles(resolve(host.cwd, textfile)) }),
    ...(prometheus === undefined
      ? {}
      : { prometheus: await readPrometheus(prometheus, read && scrapedAs(read), pushTimeoutMs) }),
  };
}

/** At the same time, so that one that is down keeps no other waiting. */
async function readReceivers(access: ReceiversAccess, timeoutMs: number): Promise<ReceiverEvidence[]> {
  const [receivers, { readReceiverEvidence }] = await Promise.all([
    import('../delivery/remote-write/receiver/open-receivers.js'),
    import('../doctor/read/read-receiver.js'),
  ]);
  const configs = await receivers.readReceivers(access, (error) => {
    throw error;
  });
  return Promise.all(configs.map((config) => readReceiverEvidence(config, timeoutMs)));
}

function scrapedAs({ target, metrics }: GatewayEvidence): ScrapedGateway {
  const body = metrics && 'body' in metrics ? metrics.body : '';
  const start = /^process_start_time_seconds (\S+)$/m.exec(body)?.[1];
  return { target, startSeconds: start === undefined ? undefined : Number(start) };
}
