import { execFileSync } from 'node:child_process';

/** Whether this system lets us make mount and process namespaces, which takes rights that not every container has. */
export function canMakeNamespaces(): boolean {
  try {
    execFileSync('unshare', ['-mpf', '--mount-proc', 'true'], { stdio: 'pipe' });
    return true;
  } catch (error) {
    console.warn(`no namespaces can be made here, so the tests in them are skipped: ${String(error)}`);
    return false;
  }
}
