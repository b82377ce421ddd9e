import { UsageError } from '../../../errors.js';
import { redactAddress } from '../../../redact.js';
import type { HttpAccess } from '../../http/access.js';
import type { GatewayAddress } from '../../http/gateway-address.js';
import { parseGatewayAddress } from '../../http/gateway-address.js';

export interface ReceiverAddress {
  readonly address: GatewayAddress;
  /** Path and query as they were given. */
  readonly path: string;
  /** The URL without userinfo and query: either may hold a secret. */
  readonly display: string;
}

/**
 * Reads the URL of a receiver, whole: remote write has no path of its own.
 *
 * @throws UsageError that never shows credentials.
 */
export function parseReceiverAddress(text: string): ReceiverAddress {
  const given = text.trim();
  const withScheme = /^[a-z][a-z0-9+.-]*:\/\//i.test(given) ? given : `http://${given}`;
  const url = URL.canParse(withScheme) ? new URL(withScheme) : undefined;
  if (!url || !/^https?:$/.test(url.protocol) || url.port === '0' || /[\s\\#]/.test(given)) {
    throw new UsageError(
      `remote-write: expected the URL of a receiver such as http://prometheus:9090/api/v1/write, got ${JSON.stringify(redactAddress(given.replace(/\?.*/s, '?…')))}`,
    );
  }
  const { username, password, pathname: path, search } = url;
  const userinfo = username || password ? `${username}:${password}@` : '';
  const address = parseGatewayAddress(`${url.protocol}//${userinfo}${url.host}`);
  return { address, path: path + search, display: `${address.display}${path}` };
}

/** What stands in a query may be a secret, which a server may say back. */
export function withQuery(access: HttpAccess, path: string): HttpAccess {
  const query = [...new URLSearchParams(path.split('?')[1] ?? '').values()];
  return query.length === 0
    ? access
    : { ...access, headerSecrets: [...(access.headerSecrets ?? []), ...query] };
}
