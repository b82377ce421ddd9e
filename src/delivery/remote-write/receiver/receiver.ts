import { monotonicMs } from '../../../clock.js';
import { UsageError } from '../../../errors.js';
import { type Log, withFields } from '../../../log.js';
import { version } from '../../../version.js';
import type { HttpAccess } from '../../http/access.js';
import { type Connection, openConnection, type RequestLimits } from '../../http/connection.js';
import type { GatewayAddress } from '../../http/gateway-address.js';
import { PushError, PushUnavailable, PushUnreachable, PushUntrusted } from '../../http/push-error.js';
import { type RetryLimits, tryAgain } from '../../http/try-again.js';
import type { Series } from '../wire/series.js';
import { encodeSnappy } from '../wire/snappy.js';
import { encodeWriteRequest } from '../wire/write-request.js';
import { answerError, isRefusal, SAMPLE_TOO_OLD } from './answers.js';

/** What became of a request. */
export type SendResult =
  | { readonly status: 'stored' }
  /** Final: it is about what was sent. */
  | {
      readonly status: 'refused';
      readonly error: PushError;
      readonly tooOld: boolean;
      /** An earlier try may have been stored: its answer was lost. */
      readonly maybeStored: boolean;
    }
  /** Not now. */
  | { readonly status: 'unavailable'; readonly error: PushError; readonly maybeStored: boolean };

/** A flag of the command line with its value. */
export type Flag = readonly [flag: string, value: string];

/** A receiver of remote write as a run talks to it. */
export interface Receiver {
  /** Where it is, for people and for the spool; without credentials. */
  readonly name: string;
  /** What names it to `prombatch flush`, beside the environment; `undefined` if it cannot be told which it is. */
  readonly flags: readonly Flag[] | undefined;
  send(series: readonly Series[], limits: RetryLimits): Promise<SendResult>;
  close(): void;
}

/** What it takes to reach a receiver. */
export interface ReceiverConfig {
  readonly name: string;
  readonly flags: readonly Flag[];
  /** Without a path prefix. */
  readonly address: GatewayAddress;
  /** Path and query. */
  readonly path: string;
  readonly access: HttpAccess;
  /** For one try, in milliseconds. */
  readonly timeoutMs: number;
}

/** A receiver that is known, and whose way in is not: what is to be sent there waits. */
export class NoWayIn extends UsageError {
  readonly receiver: Pick<ReceiverConfig, 'name' | 'flags'>;

  constructor({ message, hint }: UsageError, receiver: NoWayIn['receiver']) {
    super(message, hint === undefined ? {} : { hint });
    this.receiver = receiver;
  }
}

/** Prometheus' own default of `remote_timeout`. */
export const REMOTE_TIMEOUT_MS = 30_000;

/** Of remote write 1.0 (prometheus.io/docs/specs/prw/remote_write_spec). */
export const HEADERS: Readonly<Record<string, string>> = {
  'Content-Type': 'application/x-protobuf',
  'Content-Encoding': 'snappy',
  'X-Prometheus-Remote-Write-Version': '0.1.0',
  'User-Agent': `prombatch/${version}`,
};

/** Sends series to a receiver of remote write over HTTP. */
export function createReceiver(config: ReceiverConfig, log: Log): Receiver {
  const { name, flags, address, path, access, timeoutMs } = config;
  const targetLog = withFields(log, { target: name });
  let connection: Promise<Connection> | undefined;

  const attempt = async (
    body: Uint8Array,
    newestMs: number,
    limits: RequestLimits,
  ): Promise<true | PushError> => {
    connection ??= openConnection(address, access);
    const opened = await connection;
    const startMark = monotonicMs();
    const say = (end: string): void => {
      const tookMs = Math.round(monotonicMs() - startMark);
      targetLog.debug(`POST ${name}: ${end} (${tookMs}ms)`, { event: 'http_request' });
    };
    try {
      const answer = await opened.send({ method: 'POST', path, headers: HEADERS, body }, limits);
      const error = answerError(name, answer, { newestMs, nowMs: Date.now() });
      say(error?.message ?? String(answer.status));
      return error ?? true;
    } catch (error) {
      if (!(error instanceof PushError)) throw error;
      say(error.message);
      return errorOfReceiver(error);
    }
  };

  return {
    name,
    flags,
    async send(series, limits) {
      const body = encodeSnappy(encodeWriteRequest(series));
      const newestMs = newestOf(series);
      let maybeStored = false;
      try {
        await tryAgain(
          async (tryLimits) => {
            const timed = { ...tryLimits, timeoutMs: Math.min(tryLimits.timeoutMs, timeoutMs) };
            const result = await attempt(body, newestMs, timed);
            maybeStored ||= result !== true && mayHaveStored(result);
            return result;
          },
          limits,
          targetLog,
        );
        return { status: 'stored' };
      } catch (error) {
        if (!(error instanceof PushError)) throw error;
        if (!isRefusal(error)) return { status: 'unavailable', error, maybeStored };
        return { status: 'refused', error, tooOld: error.code === SAMPLE_TOO_OLD, maybeStored };
      }
    },
    close: () => void connection?.then((opened) => opened.close()),
  };
}

/** Node's codes of a connection that never was. */
const NEVER_SENT = ['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN'];

/** Whether the samples of a failed try may be stored: not where the receiver said no, or was never reached. */
function mayHaveStored(error: PushError): boolean {
  if (isRefusal(error)) return false;
  if (error instanceof PushUnavailable) return error.status !== 429;
  const { code = '' } = (error.cause ?? {}) as { readonly code?: string };
  return error.status === undefined && !NEVER_SENT.includes(code);
}

function newestOf(series: readonly Series[]): number {
  let newestMs = Number.NEGATIVE_INFINITY;
  for (const { samples } of series) newestMs = Math.max(newestMs, samples.at(-1)?.timeMs ?? newestMs);
  return newestMs;
}

/** The failure of a connection with what to do about it on this road. */
export function errorOfReceiver(error: PushError): PushError {
  const { code, message, retryable, cause, hint } = error;
  if (error instanceof PushUnreachable && hint !== undefined) {
    return new PushUnreachable(code, message, {
      retryable,
      cause,
      hint: 'check the address in --remote-write, PROMBATCH_REMOTE_WRITE or --remote-write-file',
    });
  }
  if (error instanceof PushUntrusted && hint !== undefined) {
    return new PushUntrusted(code, message, {
      retryable,
      cause,
      hint: hint.replaceAll('--http-config-file', '--remote-write-file'),
    });
  }
  return error;
}
