import { execFileSync } from 'node:child_process';

/** Whether this system lets us make mount and process namespaces; with CI=true it must. */
export function canMakeNamespaces(): boolean {
  try {
    execFileSync('unshare', ['-mpf', '--mount-proc', 'true'], { stdio: 'pipe' });
    return true;
  } catch (error) {
    if (process.env.CI === 'true') throw new Error('CI must be able to make namespaces', { cause: error });
    return false;
  }
}
