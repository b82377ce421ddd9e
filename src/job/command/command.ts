import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { monotonicMs } from '../../clock.js';
import { EXIT, exitCodeOfSignal } from '../../exit-codes.js';
import type { CommandExit } from '../any-job.js';
import { inheritedFiles } from './inherited-files.js';
import { inForeground, type Processes, processGroup, processTree, send } from './processes.js';

export interface CommandOptions {
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** A command while it runs, with what it started. */
export interface RunningCommand {
  /** How the command itself ended; it does not wait for what the command left behind, and never rejects. */
  readonly ended: Promise<CommandExit>;
  /** Passes a signal on: one that asks to end to all that the command started, any other to itself. */
  passOn(signal: NodeJS.Signals): void;
  kill(): void;
  /** Resolves when nothing of what the command started is left, or could be killed. */
  allGone(): Promise<void>;
}

const POLL_MS = 20;
const ASKS_TO_END: ReadonlySet<string> = new Set(['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT']);
/** What a terminal sends to all of its foreground processes by itself. */
const FROM_TERMINAL: ReadonlySet<string> = new Set(['SIGINT', 'SIGQUIT', 'SIGWINCH']);
/** How long what was killed may take to be gone. */
const GONE_MS = 500;

/**
 * Starts a command without a shell, on this process' own input and output.
 *
 * It gets a process group of its own, so that what it starts can be stopped with it. Under a terminal it stays in
 * the terminal's session instead, or a password prompt could not open `/dev/tty`; what it starts is then found by
 * descent, and what the terminal sends to everyone is not sent a second time.
 */
export function startCommand({ argv, env }: CommandOptions): RunningCommand {
  const [file = '', ...args] = argv;
  const terminal = hasTerminal();
  let child: ChildProcess;
  try {
    child = spawn(file, args, { env, stdio: inheritedStdio(), detached: !terminal });
  } catch (error) {
    return neverStarted(toFailure(file, error));
  }
  const { pid } = child;
  if (pid === undefined) {
    return neverStarted(
      new Promise((resolve) => child.on('error', (error) => resolve(toFailure(file, error)))),
    );
  }
  const processes: Processes = terminal ? processTree(pid) : processGroup(pid);
  let running = true;
  const ended = new Promise<CommandExit>((resolve) => {
    child.on('exit', (code, signal) => {
      running = false;
      resolve(toExit(code, signal));
    });
  });
  let killedAt = Number.POSITIVE_INFINITY;
  return {
    ended,
    passOn(signal) {
      if (terminal && FROM_TERMINAL.has(signal) && inForeground()) return;
      if (ASKS_TO_END.has(signal)) processes.signal(signal);
      else if (running) send(pid, signal);
    },
    kill() {
      killedAt = monotonicMs();
      processes.signal('SIGKILL');
    },
    async allGone() {
      while (processes.anyLeft() && monotonicMs() < killedAt + GONE_MS) {
        await new Promise((resolve) => setTimeout(resolve, POLL_MS));
      }
    },
  };
}

function neverStarted(exit: CommandExit | Promise<CommandExit>): RunningCommand {
  return { ended: Promise.resolve(exit), passOn() {}, kill() {}, allGone: async () => {} };
}

/** The exit codes of a shell: 127 for a command that is not there, 126 for one that cannot be executed. */
function toFailure(file: string, error: unknown): CommandExit {
  const { code = 'unknown error' } = error as NodeJS.ErrnoException;
  if (code === 'ENOENT' || file === '') {
    return {
      code: EXIT.notFound,
      reason: `${JSON.stringify(file)} was not found, or its interpreter was not`,
    };
  }
  return { code: EXIT.notExecutable, reason: `${JSON.stringify(file)} cannot be executed (${code})` };
}

function toExit(code: number | null, signal: NodeJS.Signals | null): CommandExit {
  if (signal === null) return { code: code ?? 1, reason: `exited with ${code}` };
  return { code: exitCodeOfSignal(signal), reason: `killed by ${signal}` };
}

/** Every open file under its own number; numbers that are closed stay closed. */
function inheritedStdio(): ('inherit' | 'ignore' | number)[] {
  const stdio: ('inherit' | 'ignore' | number)[] = ['inherit', 'inherit', 'inherit'];
  for (const fd of inheritedFiles()) {
    while (stdio.length < fd) stdio.push('ignore');
    stdio[fd] = fd;
  }
  return stdio;
}

/** Whether this process is under a terminal, wherever its input and output go. */
function hasTerminal(): boolean {
  try {
    closeSync(openSync('/dev/tty', 'r+'));
    return true;
  } catch {
    return false;
  }
}
