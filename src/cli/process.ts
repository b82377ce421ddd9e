import { isatty } from 'node:tty';
import { PrombatchError } from '../errors.js';
import { EXIT } from '../exit-codes.js';
import { createLog, logError } from '../log.js';
import type { Host } from '../process/host.js';
import { createLifecycle } from '../process/lifecycle.js';
import { openStderr, standInForStream } from '../process/stderr.js';
import { runCli } from './run-cli.js';

/** Runs the command line in this process, whose exit code it sets. */
export function runProcess(): void {
  const stderr = openStderr();
  const log = createLog({
    format: wantsJson() ? 'json' : 'text',
    quiet: false,
    write: stderr.write,
  });
  const { end, ...lifecycle } = createLifecycle({ log, onCommand: () => standInForStream(stderr) });
  process.on('exit', stderr.finish);

  const host: Host = {
    argv: process.argv.slice(2),
    env: process.env,
    cwd: currentFolder(),
    pid: process.pid,
    stdout: {
      write: writeStdout,
      isTTY: isatty(1),
      columns: () => process.stdout.columns ?? 80,
      rows: () => process.stdout.rows ?? 24,
    },
    stderr: {
      write: stderr.write,
      isTTY: isatty(2),
      columns: () => process.stderr.columns ?? 80,
      rows: () => process.stderr.rows ?? 24,
    },
    ...lifecycle,
  };

  runCli(host).then(end, (error: unknown) => {
    logError(log, error);
    end(error instanceof PrombatchError ? error.exitCode : EXIT.bug);
  });
}

/** A folder that was removed is no reason not to run a command in it. */
function currentFolder(): string {
  try {
    return process.cwd();
  } catch {
    return '.';
  }
}

/** A reader that goes away (`| head -1`) must not break the job. */
function writeStdout(text: string): void {
  if (process.stdout.listenerCount('error') === 0) process.stdout.on('error', () => {});
  process.stdout.write(text);
}

/** Errors before the flags are read go in the format that was asked for, too. */
function wantsJson(): boolean {
  const { argv, env } = process;
  const at = argv.indexOf('--log-format');
  return (
    argv.includes('--log-format=json') ||
    (at >= 0 && argv[at + 1] === 'json') ||
    env.PROMBATCH_LOG_FORMAT?.trim() === 'json'
  );
}
