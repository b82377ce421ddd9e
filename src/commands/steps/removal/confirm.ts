import { createInterface } from 'node:readline/promises';
import { isatty } from 'node:tty';
import { UsageError } from '../../../errors.js';
import type { Host } from '../../../process/host.js';

/**
 * Whether to go on: asks on a terminal. Nobody can be asked elsewhere, so there `--yes` is a must.
 *
 * @throws UsageError if there is no terminal.
 */
export async function confirm(host: Host, yes: boolean, question: string): Promise<boolean> {
  if (yes) return true;
  checkConfirmable(host, yes);
  const lines = createInterface({ input: process.stdin, output: process.stderr, terminal: false });
  try {
    // The end of the input is a no.
    const ended = new Promise<string>((resolve) => lines.once('close', () => resolve('')));
    return /^y(?:es)?$/i.test((await Promise.race([lines.question(`${question} [y/N] `), ended])).trim());
  } finally {
    lines.close();
    process.stdin.destroy();
  }
}

/**
 * For a command to call before it reads anything.
 *
 * @throws UsageError if it would have to ask and cannot.
 */
export function checkConfirmable({ stderr }: Host, yes: boolean): void {
  if (yes || (stderr.isTTY && isatty(0))) return;
  throw new UsageError('expected --yes, since there is no terminal to ask on', {
    hint: 'look with --dry-run first: what is removed is gone',
  });
}
