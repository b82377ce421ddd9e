import type { Log } from '../../log.js';
import { basicAuthorization, type Credentials, type HttpAccess, NO_ACCESS } from '../http/access.js';
import { type GatewayAddress, parseGatewayAddress } from '../http/gateway-address.js';
import { createGatewayClient, type GatewayClient } from './gateway-client.js';

export interface GatewayAccess {
  readonly gateway: string;
  /** Where the address has no userinfo. */
  readonly credentials?: Credentials | undefined;
  /** In the form of Prometheus' `http_config`; its authorization beats all others. */
  readonly httpConfigFile?: string | undefined;
}

/**
 * A client for a gateway, with what it takes to get in.
 *
 * @throws UsageError for what is wrong with the address or the file; neither shows a secret.
 */
export async function openClient(access: GatewayAccess, log: Log): Promise<GatewayClient> {
  const address = parseGatewayAddress(access.gateway);
  return createGatewayClient(address, await resolveAccess(address, access), log);
}

/** How to get in at an address. @throws UsageError for what is wrong with the file. */
export async function resolveAccess(address: GatewayAddress, access: GatewayAccess): Promise<HttpAccess> {
  const { credentials, httpConfigFile } = access;
  const given = httpConfigFile === undefined ? NO_ACCESS : await readConfig(httpConfigFile);
  if (given.authorization !== undefined || address.credentials || !credentials) return given;
  return { ...given, authorization: basicAuthorization(credentials) };
}

async function readConfig(path: string): Promise<HttpAccess> {
  const { readHttpConfig } = await import('../http/http-config.js');
  return readHttpConfig(path);
}
