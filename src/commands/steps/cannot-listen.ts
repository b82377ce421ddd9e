import { UsageError } from '../../errors.js';

/** What to say if a flag names an address that cannot be listened on. */
export function cannotListen(
  flag: '--listen' | '--serve',
  address: { host: string; port: number },
  error: unknown,
): UsageError {
  const { code, message } = error as NodeJS.ErrnoException;
  const reason = code === 'EADDRINUSE' ? 'something listens there already (EADDRINUSE)' : (code ?? message);
  return new UsageError(`${flag}: cannot listen on ${address.host}:${address.port}: ${reason}`, {
    cause: error,
  });
}
