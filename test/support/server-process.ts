import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { accessSync, constants } from 'node:fs';
import { waitFor } from './wait-for.js';

export interface ServerProcess {
  readonly url: string;
  readonly child: ChildProcess;
  output(): string;
  /** Ends this process, by its own id, and waits until it is gone. */
  stop(signal?: NodeJS.Signals): Promise<void>;
}

/** What servers of Prometheus and VictoriaMetrics say of where they listen. */
const LISTENS =
  /(?:(?:Listening on"|TLS is disabled\.")[^\n]*address=|started server at http:\/\/)127\.0\.0\.1:([1-9]\d*)/;

/** Starts a server that listens on a loopback port of the system's choice and says in its log which. */
export async function startServer(
  binary: string,
  args: readonly string[],
  readyPath: string,
  options: { cwd?: string } = {},
): Promise<ServerProcess> {
  const child = spawn(binary, args, { stdio: ['ignore', 'pipe', 'pipe'], ...options });
  let output = '';
  child.stdout.on('data', (chunk) => (output += chunk));
  child.stderr.on('data', (chunk) => (output += chunk));
  const stop = async (signal: NodeJS.Signals = 'SIGTERM'): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, 'exit');
    child.kill(signal);
    await gone;
  };
  try {
    const url = await waitFor(`${binary} to listen`, () => {
      if (child.exitCode !== null) throw new Error(`${binary} ended: ${output}`);
      const port = LISTENS.exec(output)?.[1];
      return port && `http://127.0.0.1:${port}`;
    });
    await waitFor(`${binary} to be ready`, async () => (await fetch(url + readyPath)).ok);
    return { url, child, output: () => output, stop };
  } catch (error) {
    await stop('SIGKILL');
    throw error;
  }
}

/** The path of a program, or `undefined`; with CI=true a missing one is an error. */
export function findServer(name: string): string | undefined {
  try {
    return execFileSync('sh', ['-c', `command -v ${name}`], { encoding: 'utf8' }).trim();
  } catch {
    if (process.env.CI === 'true')
      throw new Error(`${name} is not installed, and CI must not skip its tests`);
    return undefined;
  }
}

/** The further server that an environment variable names; one that names nothing that runs is an error. */
export function findNamed(
  variable: 'PUSHGATEWAY_BIN' | 'PROMETHEUS_BIN' | 'VICTORIA_METRICS_BIN',
): string | undefined {
  const path = process.env[variable] ?? '';
  if (path === '') return undefined;
  try {
    accessSync(path, constants.X_OK);
  } catch (error) {
    throw new Error(`${variable}: expected a program that can be executed, got ${path}`, { cause: error });
  }
  return path;
}
