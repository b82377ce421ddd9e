import { join } from 'node:path';
import type { Host } from '../process/host.js';

const IN_HOME = '.local/state/prombatch/spool';

/**
 * The spool to use: the one given, none, or `prombatch/spool` in the state home (XDG Base Directory
 * Specification); none where not even a home is known.
 */
export function resolveSpoolPath(
  given: { readonly spool: string | undefined; readonly noSpool: boolean },
  { env, cwd }: Pick<Host, 'env' | 'cwd'>,
): string | undefined {
  if (given.noSpool) return undefined;
  if (given.spool !== undefined) return join(given.spool.startsWith('/') ? '' : cwd, given.spool);
  if (env.XDG_STATE_HOME?.startsWith('/')) return join(env.XDG_STATE_HOME, 'prombatch', 'spool');
  return env.HOME?.startsWith('/') ? join(env.HOME, IN_HOME) : undefined;
}

/** Whether a spool is where one is in somebody's home if none is named. */
export function isUsualSpoolPath(path: string): boolean {
  return path.endsWith(`/${IN_HOME}`);
}
