import { UsageError } from '../../errors.js';
import { redactAddress } from '../../redact.js';
import type { Credentials } from './access.js';

/** Where a gateway is and how to get in; only `display` may be shown. */
export interface GatewayAddress {
  readonly protocol: 'http:' | 'https:';
  /** Without the brackets of an IPv6 address. */
  readonly hostname: string;
  readonly port: number;
  /** The Host header. */
  readonly host: string;
  /** '' or a path that starts with a slash and ends without one. */
  readonly pathPrefix: string;
  /** From the URL's userinfo, decoded. */
  readonly credentials?: Credentials;
  /** The URL without credentials. */
  readonly display: string;
}

const EXPECTED = 'expected host:port or an http(s) URL such as http://localhost:9091';
const SCHEME = /^[a-z][a-z0-9+.-]*:\/\//i;

/**
 * Reads a gateway's address: `host:port`, `http(s)://host`, with a path prefix, a trailing slash or userinfo. A host
 * without a port needs a scheme.
 *
 * @throws UsageError that never shows credentials.
 */
export function parseGatewayAddress(text: string): GatewayAddress {
  const given = text.trim();
  const fail = (detail = ''): never => {
    throw new UsageError(`gateway: ${EXPECTED}${detail}, got ${JSON.stringify(redactAddress(given))}`);
  };
  const malformed = malformation(given);
  if (malformed !== undefined) return fail(malformed);
  const withScheme = SCHEME.test(given) ? given : `http://${given}`;
  const url = URL.canParse(withScheme) ? new URL(withScheme) : fail();
  if (url.protocol !== 'http:' && url.protocol !== 'https:') return fail();
  if (url.port === '0') return fail(' with a port from 1 to 65535');
  const pathPrefix = url.pathname.replace(/\/+$/, '');
  return {
    protocol: url.protocol,
    hostname: url.hostname.replace(/^\[(.*)\]$/, '$1'),
    port: Number(url.port) || (url.protocol === 'https:' ? 443 : 80),
    host: url.host,
    pathPrefix,
    ...(url.username || url.password
      ? { credentials: { username: decode(url.username), password: decode(url.password) } }
      : {}),
    display: `${url.protocol}//${url.host}${pathPrefix}`,
  };
}

/** What the text alone shows to be wrong; completes the sentence "expected …". */
function malformation(given: string): string | undefined {
  if (/^unix:/i.test(given)) return ', and no unix socket';
  if (/[\s\\]/.test(given)) return ' without blanks or backslashes';
  if (/[?#]/.test(given)) return ' without ? or #';
  if (/^https?:(?!\/\/)/i.test(given) || /^\d+$/.test(given)) return '';
  const [authority = '', ...rest] = given.replace(SCHEME, '').split('/');
  if (rest.some((part) => part.includes('@')))
    return ' without @ after a slash (in a password, a slash is %2F)';
  // Port 80 is where no Pushgateway is: whoever leaves the port out has forgotten it.
  if (!SCHEME.test(given) && !/:\d+$/.test(authority)) return ' with a port';
  return undefined;
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
