import { type ClientRequest, request } from 'node:http';
import { isIP, type LookupFunction } from 'node:net';
import type { Duplex } from 'node:stream';
import { connect as secure, type TLSSocket } from 'node:tls';
import { proxyAuthorization, type TlsAccess } from './access.js';

export interface TunnelTarget {
  readonly hostname: string;
  readonly port: number;
  readonly tls: TlsAccess | undefined;
  /** Finds the proxy, if its URL has a name. */
  readonly lookup?: LookupFunction;
}

/**
 * A TLS connection to `target` through an HTTP proxy's CONNECT (RFC 9110, section 9.3.6). The proxy sees the
 * target's name, and nothing of what is said.
 */
export function openTunnel(
  proxyUrl: string,
  { hostname, port, tls, lookup }: TunnelTarget,
  done: (error: Error | null, socket?: Duplex) => void,
): ClientRequest {
  const proxy = new URL(proxyUrl);
  const authority = `${hostname.includes(':') ? `[${hostname}]` : hostname}:${port}`;
  const authorization = proxyAuthorization(proxyUrl);
  const asked = request({
    host: proxy.hostname.replace(/^\[(.*)\]$/, '$1'),
    port: proxy.port || 80,
    ...(lookup ? { lookup } : {}),
    method: 'CONNECT',
    path: authority,
    headers: {
      Host: authority,
      ...(authorization === undefined ? {} : { 'Proxy-Authorization': authorization }),
    },
    agent: false,
  });
  asked.on('connect', (answer, socket) => {
    if (answer.statusCode !== 200) {
      socket.destroy();
      done(refusedTunnel(proxy.host, answer.statusCode ?? 0));
      return;
    }
    // Who the certificate must be for; only a name is asked for, too.
    const peer = isIP(hostname) === 0 ? { host: hostname, servername: hostname } : { host: hostname };
    const secured: TLSSocket = secure({ ...peer, ...tls, socket });
    secured.once('error', (error) => done(error));
    secured.once('secureConnect', () => done(null, secured));
  });
  asked.on('response', (answer) => {
    answer.destroy();
    done(refusedTunnel(proxy.host, answer.statusCode ?? 0));
  });
  asked.on('error', (error) =>
    done(proxyError(`the proxy ${proxy.host} cannot be reached: ${error.message}`)),
  );
  asked.end();
  return asked;
}

/** Final where the proxy refuses who asks or what for. */
function refusedTunnel(proxy: string, status: number): Error {
  const error = proxyError(`the proxy ${proxy} refused the tunnel (${status})`);
  return status >= 400 && status < 500 ? Object.assign(error, { code: 'EPROXYREFUSED' }) : error;
}

function proxyError(message: string): Error {
  return Object.assign(new Error(message), { code: 'EPROXY' });
}
