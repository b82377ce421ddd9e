import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The built command. */
export const CLI = fileURLToPath(new URL('../../dist/prombatch.cjs', import.meta.url));

export interface CliResult {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
  /** What came on stdout, byte by byte. */
  readonly bytes: Buffer;
  readonly elapsedMs: number;
}

export interface RunningCli {
  readonly child: ChildProcess;
  stderr(): string;
  stdout(): string;
  readonly result: Promise<CliResult>;
}

export interface CliOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** Another copy of the command than the built one. */
  readonly cli?: string;
  /** Flags of Node itself. */
  readonly nodeArgs?: readonly string[];
  /** What the command reads; without it there is nothing to read. */
  readonly stdin?: string | Buffer;
}

/** Starts the built command with an environment that holds nothing but PATH, HOME, TMPDIR and what is given. */
export function startCli(
  args: readonly string[],
  { env = {}, cwd, cli = CLI, nodeArgs = [], stdin }: CliOptions = {},
): RunningCli {
  const started = performance.now();
  const child = spawn(process.execPath, [...nodeArgs, cli, ...args], {
    env: { PATH: process.env.PATH, HOME: home(), TMPDIR: tmpdir(), ...env },
    ...(cwd === undefined ? {} : { cwd }),
    // Away from the terminal of whoever runs the tests: what a signal does must not depend on it.
    detached: true,
    stdio: [stdin === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
  });
  const stdout: Buffer[] = [];
  const stderr: Buffer[] = [];
  child.stdout?.on('data', (chunk) => stdout.push(chunk));
  child.stderr?.on('data', (chunk) => stderr.push(chunk));
  child.stdin?.on('error', () => {}).end(stdin);
  const result = new Promise<CliResult>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) => {
      const bytes = Buffer.concat(stdout);
      resolve({
        code,
        signal,
        stdout: bytes.toString(),
        stderr: Buffer.concat(stderr).toString(),
        bytes,
        elapsedMs: performance.now() - started,
      });
    });
  });
  return {
    child,
    result,
    stdout: () => Buffer.concat(stdout).toString(),
    stderr: () => Buffer.concat(stderr).toString(),
  };
}

/** A home of its own for each command, so that none finds what another left in the spool. */
function home(): string {
  return mkdtempSync(join(tmpdir(), 'home-'));
}

/** Runs the built command to its end. */
export function runCli(args: readonly string[], options?: CliOptions): Promise<CliResult> {
  return startCli(args, options).result;
}
