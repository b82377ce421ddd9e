import { spawn } from 'node:child_process';
import type { LookupAddress } from 'node:dns';
import { basename } from 'node:path';

/** Ends with the process that asks, even if that is killed: a lookup cannot be broken off from inside. */
const SCRIPT = `
process.stdin.on('error', () => {}).on('close', () => process.kill(process.pid, 'SIGKILL')).resume();
require('node:dns').lookup(process.argv[1], { all: true }, (error, addresses) => {
  const answer = error ? { code: error.code, message: error.message } : { addresses };
  process.stdout.write(JSON.stringify(answer), () => process.exit());
});`;

/**
 * The system's own lookup in a process of its own, which can be ended. Resolves with `undefined` if there can be no
 * such process: an application that has Node built in would start itself again.
 *
 * @throws what the system's lookup says, such as ENOTFOUND.
 */
export function lookupInProcess(
  hostname: string,
  signal: AbortSignal,
): Promise<readonly LookupAddress[] | undefined> {
  if (!/^node/i.test(basename(process.execPath))) return Promise.resolve(undefined);
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, ['-e', SCRIPT, '--', hostname], {
      stdio: ['pipe', 'pipe', 'ignore'],
      env: { ...process.env, NODE_OPTIONS: '' },
      // A signal from the terminal is for the job.
      detached: true,
      windowsHide: true,
    });
    const end = (): void => void child.kill('SIGKILL');
    signal.addEventListener('abort', end, { once: true });
    let text = '';
    child.stdin.on('error', () => {});
    child.stdout.on('data', (chunk) => (text += chunk));
    child.on('error', () => resolve(undefined));
    child.on('close', () => {
      signal.removeEventListener('abort', end);
      const { addresses, code, message } = readAnswer(text);
      if (code === undefined) resolve(addresses);
      else reject(Object.assign(new Error(message), { code }));
    });
  });
}

interface Answer {
  readonly addresses?: readonly LookupAddress[];
  readonly code?: string;
  readonly message?: string;
}

/** Nothing if the process was ended before it had one. */
function readAnswer(text: string): Answer {
  try {
    return JSON.parse(text) as Answer;
  } catch {
    return {};
  }
}
