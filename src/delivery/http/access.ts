/** How to get into a gateway; none of it may be shown. */
export interface HttpAccess {
  /** The Authorization header. */
  readonly authorization?: string;
  readonly headers: readonly (readonly [name: string, values: readonly string[]])[];
  /** Those of the headers' values that must not be shown. */
  readonly headerSecrets?: readonly string[];
  readonly tls?: TlsAccess;
  /** An http:// URL, with userinfo where the proxy wants it. */
  readonly proxyUrl?: string;
}

/** All secrets that requests carry, for those who show what a server says: it may say them back. */
export function secretsOf({ authorization, headerSecrets = [], proxyUrl }: HttpAccess): string[] {
  const toProxy = proxyUrl === undefined ? undefined : proxyAuthorization(proxyUrl);
  return [...secretsOfAuthorization(authorization), ...secretsOfAuthorization(toProxy), ...headerSecrets];
}

/** What stands behind the scheme, and for Basic what it is made of. A user without a password is a secret itself. */
function secretsOfAuthorization(authorization = ''): string[] {
  const [, scheme = '', credentials = ''] = /^(\S+)\s+(.*)$/s.exec(authorization) ?? [];
  if (scheme.toLowerCase() !== 'basic') return [credentials];
  const pair = Buffer.from(credentials, 'base64').toString('utf8');
  const colon = pair.indexOf(':');
  return [credentials, pair, pair.slice(colon + 1) || pair.slice(0, colon)];
}

/** The Proxy-Authorization header for a proxy whose URL has userinfo. */
export function proxyAuthorization(proxyUrl: string): string | undefined {
  const { username, password } = new URL(proxyUrl);
  if (!username && !password) return undefined;
  return basicAuthorization({
    username: decodeURIComponent(username),
    password: decodeURIComponent(password),
  });
}

export interface TlsAccess {
  readonly rejectUnauthorized: boolean;
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
  readonly servername?: string;
  /** As Node has it: why the certificate, a `PeerCertificate`, is not what it must be. */
  readonly checkServerIdentity?: (host: string, certificate: object) => Error | undefined;
}

export const NO_ACCESS: HttpAccess = { headers: [] };

export interface Credentials {
  readonly username: string;
  readonly password: string;
}

/** The Authorization header of HTTP's Basic scheme (RFC 7617), in UTF-8. */
export function basicAuthorization({ username, password }: Credentials): string {
  return `Basic ${Buffer.from(`${username}:${password}`, 'utf8').toString('base64')}`;
}
