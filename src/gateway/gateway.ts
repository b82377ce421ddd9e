import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { isIP } from 'node:net';
import { createGatewayServer } from './http-server.js';
import { isLoopback } from './page/guard.js';
import type { PushEvent } from './push-record.js';
import { createStore, type Group } from './store.js';

export interface GatewayOptions {
  /** Default: 127.0.0.1. */
  readonly host?: string;
  /** Default: 0, a free one of the system's choice. */
  readonly port?: number;
  /** The longest body of a push, unpacked. Default: 64 MiB. */
  readonly bodyBytes?: number;
  /** How many groups it holds. Default: 10,000. */
  readonly groups?: number;
  /** How long a request's head may take, in milliseconds. Default: 10,000. */
  readonly headMs?: number;
  /** How long a request may take, and how long a connection may be silent. Default: 60,000. */
  readonly requestMs?: number;
  /** Told of each push and deletion once it is done. */
  readonly onPush?: (event: PushEvent) => void;
}

/** A running embedded gateway. */
export interface RunningGateway {
  readonly url: string;
  readonly host: string;
  readonly port: number;
  /** Whether only this machine can reach it. */
  readonly loopback: boolean;
  groups(): readonly Group[];
  wipe(): void;
  close(): Promise<void>;
}

/**
 * Starts an embedded Pushgateway: in memory, for development and tests, not for production.
 *
 * @throws the listen error, with its `code`, when the port cannot be had.
 */
export async function openGateway(options: GatewayOptions = {}): Promise<RunningGateway> {
  const { host = '127.0.0.1', port = 0, groups = 10_000 } = options;
  const { bodyBytes = 64 * 1024 * 1024, headMs = 10_000, requestMs = 60_000 } = options;
  const store = createStore({ groups });
  const server = createGatewayServer({
    store,
    host,
    limits: { bodyBytes, headMs, requestMs },
    onPush: options.onPush,
  });
  server.listen(port, host);
  await once(server, 'listening');
  const { port: actual, address } = server.address() as AddressInfo;
  return {
    url: `http://${isIP(host) === 6 ? `[${host}]` : host}:${actual}`,
    host,
    port: actual,
    loopback: isLoopback(address),
    groups: store.groups,
    wipe: store.wipe,
    async close() {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}
