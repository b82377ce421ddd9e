import { monotonicMs } from '../../clock.js';
import type { GatewayGroup } from '../../exposition/api-groups.js';
import type { MetricFamily } from '../../exposition/family.js';
import { TEXT_FORMAT } from '../../exposition/write.js';
import { type Log, silentLog, withFields } from '../../log.js';
import { version } from '../../version.js';
import type { GroupingKey } from '../grouping-key.js';
import { type HttpAccess, NO_ACCESS } from '../http/access.js';
import {
  type Connection,
  type HttpRequest,
  isSuccess,
  openConnection,
  type RequestLimits,
} from '../http/connection.js';
import type { GatewayAddress } from '../http/gateway-address.js';
import { PushError, PushRejected, refusalError } from '../http/push-error.js';
import { type RetryLimits, tryAgain } from '../http/try-again.js';

/** One push as the wire will see it, before credentials are added. */
export interface PushRequest {
  /** PUT replaces the whole group, POST only the families that the body names. */
  readonly method: 'POST' | 'PUT';
  /** The group's path below the gateway's address. */
  readonly path: string;
  /** In the text format; '' only moves the group's push time. */
  readonly body: string;
  /** Whether a body over 8 KiB may go as gzip, which the Pushgateway reads since 1.5.0. */
  readonly compress: boolean;
}

export interface PushLimits extends RetryLimits {
  /** A reading is tried once, and takes at most so long; `once` and the deadline bound pushes. */
  readonly readMs?: number | undefined;
}

/** A gateway as a run talks to it. */
export interface GatewayClient {
  /** Where it is, for people; without credentials. */
  readonly target: string;
  /** @throws PushError */
  push(request: PushRequest, limits: PushLimits): Promise<void>;
  /**
   * What the gateway holds of a group now, without the grouping labels; nothing where there is no such group.
   *
   * @throws PushError
   */
  readGroup(key: GroupingKey, limits: PushLimits): Promise<readonly MetricFamily[]>;
  /**
   * All that the gateway holds now.
   *
   * @throws PushError
   */
  readGroups(limits: PushLimits): Promise<readonly GatewayGroup[]>;
  close(): void;
}

/** Below it, loading what compresses takes longer than sending the rest does. */
const COMPRESS_FROM_BYTES = 8 * 1024;
const AGENT = { 'User-Agent': `prombatch/${version}` };

/** Talks to a Pushgateway over HTTP: 200 and 202 are success, and nothing else is. */
export function createGatewayClient(
  address: GatewayAddress,
  access: HttpAccess = NO_ACCESS,
  log: Log = silentLog,
): GatewayClient {
  let connection: Promise<Connection> | undefined;
  const targetLog = withFields(log, { target: address.display });

  const send = async (request: HttpRequest, limits: PushLimits): Promise<string> => {
    connection ??= openConnection(address, access);
    const opened = await connection;
    return tryAgain((tryLimits) => attempt(opened, request, tryLimits), limits, targetLog);
  };

  /** The answer's text, or why there is none. */
  const attempt = async (
    opened: Connection,
    request: HttpRequest,
    limits: RequestLimits,
  ): Promise<string | PushError> => {
    const startMark = monotonicMs();
    const say = (end: string): void => {
      const tookMs = Math.round(monotonicMs() - startMark);
      targetLog.debug(`${request.method} ${address.display}${request.path}: ${end} (${tookMs}ms)`, {
        event: 'http_request',
      });
    };
    try {
      const answer = await opened.send(request, limits);
      if (request.method === 'GET' && answer.status === 204) throw tellsNothing(address.display);
      if (!isSuccess(answer.status)) throw refusalError(address.display, answer, Date.now(), request.method);
      say(String(answer.status));
      return answer.body;
    } catch (error) {
      if (!(error instanceof PushError)) throw error;
      say(error.message);
      return error;
    }
  };

  const read = (limits: PushLimits): Promise<string> => {
    const { readMs, once = readMs !== undefined } = limits;
    return send(
      { method: 'GET', path: '/api/v1/metrics', headers: AGENT },
      { ...limits, once, tryMs: readMs },
    );
  };

  return {
    target: address.display,
    close(): void {
      connection?.then((opened) => opened.close());
    },
    async push(request, limits) {
      await send({ ...request, ...(await encodeBody(request)) }, limits);
    },
    async readGroup(key, limits) {
      const text = await read(limits);
      const { parseGroup } = await import('./api-metrics.js');
      return parseGroup(text, key, address.display);
    },
    async readGroups(limits) {
      const text = await read(limits);
      const { parseGroups } = await import('./api-metrics.js');
      return parseGroups(text, address.display);
    },
  };
}

/** VictoriaMetrics takes pushes at its Pushgateway path, and answers 204 to whoever asks there what it holds. */
function tellsNothing(gateway: string): PushRejected {
  return new PushRejected(
    'GROUP_UNREADABLE',
    `${gateway} does not tell what it holds (204), as VictoriaMetrics does not at its Pushgateway path: --accumulate and --replace cannot work there`,
    {
      status: 204,
      retryable: false,
      hint: 'leave them out, or send by remote write: --remote-write http://victoria-metrics:8428/api/v1/write',
    },
  );
}

/** The headers and bytes of a push, credentials aside. */
export async function encodeBody(
  request: PushRequest,
): Promise<{ readonly headers: Readonly<Record<string, string>>; readonly body: Uint8Array }> {
  const plain = Buffer.from(request.body, 'utf8');
  const headers = { 'Content-Type': TEXT_FORMAT, ...AGENT };
  if (!request.compress || plain.length <= COMPRESS_FROM_BYTES) return { headers, body: plain };
  const { compress } = await import('../http/gzip.js');
  return { headers: { ...headers, 'Content-Encoding': 'gzip' }, body: await compress(plain) };
}
