import type { GatewayGroup } from '../../exposition/api-groups.js';
import type { Labels } from '../../exposition/family.js';
import { version } from '../../version.js';
import { startDeadline } from '../deadline.js';
import { groupPath } from '../grouping-key.js';
import { type Connection, type HttpRequest, isSuccess, openConnection } from '../http/connection.js';
import { parseGatewayAddress } from '../http/gateway-address.js';
import { type HttpResponse, refusalError } from '../http/push-error.js';
import { parseGroups } from './api-metrics.js';
import { type GatewayAccess, resolveAccess } from './open-client.js';

/** What a gateway held, and when that was. */
export interface GroupsReading {
  readonly groups: readonly GatewayGroup[];
  /** By the gateway's clock, which also gives the push times; to the second. By this host's if it does not tell. */
  readonly nowSeconds: number;
}

/** A gateway for those who look at it and clean up. Each request is tried once. */
export interface GatewayRequests {
  /** Where it is, for people; without credentials. */
  readonly target: string;
  /**
   * The answer, whatever its status.
   *
   * @throws PushError if there is none.
   */
  get(path: string): Promise<HttpResponse>;
  /** @throws PushError */
  readGroups(): Promise<GroupsReading>;
  /**
   * Asks the gateway to delete a group, which it does a moment after it has answered.
   *
   * @throws PushError
   */
  deleteGroup(labels: Labels): Promise<void>;
  close(): void;
}

const AGENT = { 'User-Agent': `prombatch/${version}` };

/**
 * @param timeoutMs for each request.
 *
 * @throws UsageError for what is wrong with the address or the http config file.
 */
export async function openGatewayRequests(given: GatewayAccess, timeoutMs: number): Promise<GatewayRequests> {
  const address = parseGatewayAddress(given.gateway);
  const access = await resolveAccess(address, given);
  let connection: Promise<Connection> | undefined;

  const send = async (request: Omit<HttpRequest, 'headers'>): Promise<HttpResponse> => {
    connection ??= openConnection(address, access);
    const opened = await connection;
    const deadline = startDeadline(timeoutMs);
    try {
      return await opened.send({ ...request, headers: AGENT }, { timeoutMs, signal: deadline.signal });
    } finally {
      deadline.dispose();
    }
  };
  const sendOrThrow = async (request: Omit<HttpRequest, 'headers'>): Promise<HttpResponse> => {
    const response = await send(request);
    if (!isSuccess(response.status))
      throw refusalError(address.display, response, Date.now(), request.method);
    return response;
  };

  return {
    target: address.display,
    get: (path) => send({ method: 'GET', path }),
    async readGroups() {
      const { body, headers } = await sendOrThrow({ method: 'GET', path: '/api/v1/metrics' });
      return {
        groups: parseGroups(body, address.display),
        nowSeconds: readDate(headers) ?? Date.now() / 1000,
      };
    },
    async deleteGroup(labels) {
      const { job = '', ...grouping } = Object.fromEntries(labels);
      await sendOrThrow({ method: 'DELETE', path: groupPath({ job, grouping: Object.entries(grouping) }) });
    },
    close() {
      connection?.then(
        (opened) => opened.close(),
        () => {},
      );
    },
  };
}

/** The server's clock in seconds since the epoch, to the second (RFC 9110, section 6.6.1). */
export function readDate(headers: HttpResponse['headers']): number | undefined {
  const { date } = headers;
  const ms = typeof date === 'string' ? Date.parse(date) : Number.NaN;
  return Number.isNaN(ms) ? undefined : ms / 1000;
}
