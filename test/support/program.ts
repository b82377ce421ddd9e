import { type ChildProcess, spawn } from 'node:child_process';
import { tmpdir } from 'node:os';

export interface RunningProgram {
  readonly child: ChildProcess;
  stdout(): string;
  readonly result: Promise<{
    readonly code: number | null;
    readonly stdout: string;
    readonly stderr: string;
  }>;
}

/** Starts any program with an environment that holds nothing but PATH, HOME, TMPDIR and what is given. */
export function startProgram(
  file: string,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
  input: 'nothing' | 'terminal' = 'nothing',
): RunningProgram {
  const child = spawn(file, args, {
    env: { PATH: process.env.PATH, HOME: '/nonexistent', TMPDIR: tmpdir(), ...env },
    detached: true,
    stdio: [input === 'nothing' ? 'ignore' : 'pipe', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  child.stdout?.on('data', (chunk) => (stdout += chunk));
  child.stderr?.on('data', (chunk) => (stderr += chunk));
  const result = new Promise<{ code: number | null; stdout: string; stderr: string }>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => resolve({ code, stdout, stderr }));
  });
  return { child, result, stdout: () => stdout };
}
