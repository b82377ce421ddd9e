import { parseGatewayAddress } from '../delivery/http/gateway-address.js';
import { isUsualSpoolPath } from '../settings/spool-path.js';
import { DEFAULT_GATEWAY, type DeliverySettings } from './run-options.js';

type Flag = readonly [flag: string, value: string];

/**
 * The command that sends what waits for a run's gateway, or for another target that flags name, with the flags that it
 * needs; without credentials.
 */
export function flushCommand(
  {
    gateway,
    spool = '',
    httpConfigFile = '',
  }: Pick<DeliverySettings, 'gateway' | 'spool' | 'httpConfigFile'>,
  target: readonly Flag[] = gatewayFlags(gateway, httpConfigFile),
): string {
  const flags = [...target, ['--spool', isUsualSpoolPath(spool) ? '' : spool] as const];
  const given = flags.filter(([, value]) => value !== '').map(([flag, value]) => ` ${flag} ${quoted(value)}`);
  return `prombatch flush${given.join('')}`;
}

function gatewayFlags(gateway: string, httpConfigFile: string): Flag[] {
  const { display } = parseGatewayAddress(gateway);
  return [
    ['-g', display === DEFAULT_GATEWAY ? '' : display],
    ['--http-config-file', httpConfigFile],
  ];
}

/** A value as a shell reads it. */
function quoted(value: string): string {
  return /^[\w./:@%+=,[\]-]+$/.test(value) ? value : `'${value.replaceAll("'", "'\\''")}'`;
}
