/** How to get into a gateway; none of it may be shown. */
export interface HttpAccess {
  /** The Authorization header. */
  readonly authorization?: string;
  readonly headers: readonly (readonly [name: string, values: readonly string[]])[];
  readonly tls?: TlsAccess;
  /** An http:// URL, with userinfo where the proxy wants it. */
  readonly proxyUrl?: string;
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
