import { BlockList, isIP } from 'node:net';

const LOOPBACK = new BlockList();
LOOPBACK.addSubnet('127.0.0.0', 8, 'ipv4');
LOOPBACK.addAddress('::1', 'ipv6');

/** Whether only this machine can reach what listens on an address. */
export function isLoopback(address: string): boolean {
  return LOOPBACK.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4');
}

/** The headers by which a browser says who asks whom. */
export interface RequestOrigin {
  readonly host: string | undefined;
  readonly origin: string | undefined;
}

/**
 * Why a request may come from a web page that the user did not mean, or `undefined`. A gateway has no
 * passwords, so a page in the user's browser could push and delete: by a form or a fetch (its Origin differs
 * from our Host), or by a name that it makes point here (a Host that no one here gave this machine).
 *
 * @param ownHost the host that the gateway listens on.
 */
export function findForeignPage({ host, origin }: RequestOrigin, ownHost: string): string | undefined {
  // Only HTTP/1.0 goes without a Host, and no browser speaks that.
  if (host === undefined) return undefined;
  const hostname = hostnameOf(`http://${host}`);
  if (hostname === undefined || !isOwnName(hostname, ownHost)) {
    return `the Host ${JSON.stringify(host)} is no address or name of this machine`;
  }
  if (origin === undefined) return undefined;
  return hostOf(origin) === host.toLowerCase()
    ? undefined
    : `the Origin ${JSON.stringify(origin)} is another site`;
}

/** Addresses, localhost, names without a dot (as containers have), and the name that was asked to listen on. */
function isOwnName(hostname: string, ownHost: string): boolean {
  const name = hostname.replace(/^\[(.*)\]$/, '$1');
  return (
    isIP(name) !== 0 || !name.includes('.') || name.endsWith('.localhost') || name === ownHost.toLowerCase()
  );
}

function hostnameOf(url: string): string | undefined {
  return URL.canParse(url) ? new URL(url).hostname : undefined;
}

function hostOf(url: string): string | undefined {
  return URL.canParse(url) ? new URL(url).host : undefined;
}
