import type { Credentials } from '../delivery/http/access.js';
import type { Host } from '../process/host.js';

/** A user and password for the gateway from the environment; no flag, since every process can read those. */
export function gatewayCredentials({ env }: Pick<Host, 'env'>): Credentials | undefined {
  const { PUSHGATEWAY_USERNAME: username = '', PUSHGATEWAY_PASSWORD: password = '' } = env;
  return username === '' && password === '' ? undefined : { username, password };
}
