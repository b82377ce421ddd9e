import { UsageError } from '../../../errors.js';
import type { Log } from '../../../log.js';
import { NO_ACCESS } from '../../http/access.js';
import { PushError } from '../../http/push-error.js';
import {
  createReceiver,
  NoWayIn,
  REMOTE_TIMEOUT_MS,
  type Receiver,
  type ReceiverConfig,
} from './receiver.js';
import { parseReceiverAddress, withQuery } from './receiver-address.js';

/** Where remote write goes. */
export interface ReceiversAccess {
  /** URLs, with userinfo if a receiver wants it. */
  readonly remoteWrite: readonly string[];
  /** A file in the form of Prometheus' own `remote_write`. */
  readonly remoteWriteFile?: string | undefined;
}

/** The receivers of `readReceivers`, as a run talks to them. @throws what `onError` throws. */
export async function openReceivers(
  access: ReceiversAccess,
  log: Log,
  onError: (error: UsageError) => void,
): Promise<Receiver[]> {
  return (await readReceivers(access, onError)).map((config) => createReceiver(config, log));
}

/**
 * The receivers that URLs and a file name. They are independent: what is wrong with one is told by `onError`, and the
 * others are read all the same.
 *
 * @throws what `onError` throws.
 */
export async function readReceivers(
  { remoteWrite, remoteWriteFile }: ReceiversAccess,
  onError: (error: UsageError) => void,
): Promise<ReceiverConfig[]> {
  const names = new Set<string>();
  const open = (config: () => ReceiverConfig): ReceiverConfig[] => {
    const receiver = attempt(() => checkOnce(config(), names), onError);
    return receiver ? [receiver] : [];
  };
  const given = remoteWrite.map((url) => () => toConfig(url));
  if (remoteWriteFile === undefined) return given.flatMap(open);
  // What reads the file is loaded with it.
  const { readReceiversFile } = await import('./receivers-file.js');
  const read = await readReceiversFile(remoteWriteFile).catch((error: unknown) => {
    attempt(() => {
      throw error;
    }, onError);
    return [];
  });
  return [...given, ...read].flatMap(open);
}

/** Stands in for a receiver that cannot be opened, so that the job still runs: all that is sent to it fails. */
export function failingReceiver(problem: UsageError): Receiver {
  const { message, hint } = problem;
  const unknown = { name: 'remote write', flags: undefined };
  const error = () =>
    new PushError('GATEWAY_ACCESS', message, { retryable: false, ...(hint ? { hint } : {}) });
  return {
    ...(problem instanceof NoWayIn ? problem.receiver : unknown),
    send: async () => ({ status: 'unavailable', error: error(), maybeStored: false }),
    close() {},
  };
}

function attempt<T>(body: () => T, onError: (error: UsageError) => void): T | undefined {
  try {
    return body();
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    onError(error);
    return undefined;
  }
}

function checkOnce(config: ReceiverConfig, names: Set<string>): ReceiverConfig {
  const { name } = config;
  if (names.has(name)) {
    throw new UsageError(`remote-write: expected each receiver once, got ${name} twice`, {
      hint: 'in a --remote-write-file, a name of its own tells two apart that share a URL',
    });
  }
  names.add(name);
  return config;
}

function toConfig(url: string): ReceiverConfig {
  const { address, path, display: name } = parseReceiverAddress(url);
  const secret = address.credentials !== undefined || path.includes('?');
  const flags = secret ? [] : ([['--remote-write', name]] as const);
  return { name, flags, address, path, access: withQuery(NO_ACCESS, path), timeoutMs: REMOTE_TIMEOUT_MS };
}
