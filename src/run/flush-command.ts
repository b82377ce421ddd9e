import { parseGatewayAddress } from '../delivery/http/gateway-address.js';
import { isUsualSpoolPath } from '../settings/spool-path.js';
import { DEFAULT_GATEWAY, type DeliverySettings } from './run-options.js';

/** The command that sends what waits for a run's gateway, with the flags that it needs; without credentials. */
export function flushCommand({
  gateway,
  spool = '',
  httpConfigFile = '',
}: Pick<DeliverySettings, 'gateway' | 'spool' | 'httpConfigFile'>): string {
  const { display } = parseGatewayAddress(gateway);
  const flags: readonly (readonly [flag: string, value: string])[] = [
    ['-g', display === DEFAULT_GATEWAY ? '' : display],
    ['--spool', isUsualSpoolPath(spool) ? '' : spool],
    ['--http-config-file', httpConfigFile],
  ];
  const given = flags.filter(([, value]) => value !== '').map(([flag, value]) => ` ${flag} ${quoted(value)}`);
  return `prombatch flush${given.join('')}`;
}

/** A value as a shell reads it. */
function quoted(value: string): string {
  return /^[\w./:@%+=,[\]-]+$/.test(value) ? value : `'${value.replaceAll("'", "'\\''")}'`;
}
