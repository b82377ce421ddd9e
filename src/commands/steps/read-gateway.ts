import type { GatewayClient } from '../../delivery/client/gateway-client.js';
import type { GatewayRequests } from '../../delivery/client/gateway-requests.js';
import { withDeadline } from '../../delivery/deadline.js';
import { UsageError } from '../../errors.js';
import type { GatewayGroup } from '../../exposition/api-groups.js';
import type { Log } from '../../log.js';
import type { Host } from '../../process/host.js';
import { DEFAULT_GATEWAY } from '../../run/run-options.js';
import { batchSettings } from '../../settings/batch-settings.js';
import { gatewayCredentials } from '../../settings/credentials.js';
import type { SettingValues } from '../../settings/setting.js';

/** The settings of every command that looks at what a gateway holds. */
export const gatewaySettings = {
  gateway: {
    ...batchSettings.gateway,
    help: 'the Pushgateway: host:port or an http(s) URL',
    default: DEFAULT_GATEWAY,
  },
  httpConfigFile: batchSettings.httpConfigFile,
  pushTimeoutMs: { ...batchSettings.pushTimeoutMs, help: 'how long a reading may take' },
} as const;

/**
 * A client for the gateway that the settings name, and the reading of all its groups, tried once: whoever looks waits.
 *
 * @throws UsageError for an address that names no gateway.
 */
export async function openGatewayReader(
  host: Host,
  values: SettingValues<typeof gatewaySettings>,
  log: Log,
): Promise<{ readonly client: GatewayClient; readGroups(): Promise<readonly GatewayGroup[]> }> {
  const { pushTimeoutMs } = values;
  checkNamesGateway(values.gateway);
  const { openClient } = await import('../../delivery/client/open-client.js');
  const client = await openClient({ ...values, credentials: gatewayCredentials(host) }, log);
  return {
    client,
    readGroups: () => withDeadline(pushTimeoutMs, (deadline) => client.readGroups({ deadline, once: true })),
  };
}

/**
 * The gateway that the settings name, for those who look at it closely and clean up.
 *
 * @throws UsageError for an address that names no gateway.
 */
export async function openRequests(
  host: Host,
  values: SettingValues<typeof gatewaySettings>,
): Promise<GatewayRequests> {
  checkNamesGateway(values.gateway);
  const { openGatewayRequests } = await import('../../delivery/client/gateway-requests.js');
  return openGatewayRequests({ ...values, credentials: gatewayCredentials(host) }, values.pushTimeoutMs);
}

function checkNamesGateway(gateway: string): void {
  if (gateway !== 'none' && gateway !== 'embedded') return;
  throw new UsageError(`--gateway: expected the address of a Pushgateway, got ${JSON.stringify(gateway)}`);
}
