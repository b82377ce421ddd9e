import { UsageError } from '../../errors.js';

/** What to say where `--listen` names an address that cannot be listened on. */
export function cannotListen(address: { host: string; port: number }, error: unknown): UsageError {
  const { message } = error as Error;
  return new UsageError(`--listen: cannot listen on ${address.host}:${address.port}: ${message}`, {
    cause: error,
  });
}
