#!/usr/bin/env node
import { isatty } from 'node:tty';
import { runCli } from './cli.js';
import { describeThrown, PrombatchError } from './errors.js';
import type { Host, RunGuard } from './host.js';
import { signalNumber } from './job/signal-number.js';
import { JobCrashed, StoppedBySignal } from './job/stop-reason.js';
import { createLog, logError } from './log.js';
import { openStderr, standInForStream } from './stderr.js';

const STOP_SIGNALS: readonly NodeJS.Signals[] = ['SIGINT', 'SIGTERM', 'SIGHUP'];
/** What else a command may wait for, so that one with prombatch in front of it still gets it. */
const PASSED_ON: readonly NodeJS.Signals[] = ['SIGQUIT', 'SIGUSR1', 'SIGUSR2', 'SIGWINCH'];
/** How long the process waits for what a job left open before it names it and ends. */
const LINGER_MS = 200;
const BUG = 70;

const NOT_STARTED = 2;
const FAILED = 1;
const NOT_DELIVERED = 3;

const stderr = openStderr();
const log = createLog({
  format: wantsJson() ? 'json' : 'text',
  quiet: false,
  write: stderr.write,
});

/** How far the process is: what breaks means something else before, during, after and between jobs. */
let phase: 'before' | 'job' | 'after' | 'idle' | 'done' = 'before';
let stopRun: (reason: Error) => void = () => {};
let passOn: ((signal: NodeJS.Signals) => void) | undefined;
let stoppedBy: NodeJS.Signals | undefined;

const host: Host = {
  argv: process.argv.slice(2),
  env: process.env,
  cwd: currentFolder(),
  pid: process.pid,
  stdout: { write: writeStdout, isTTY: isatty(1), columns: () => process.stdout.columns ?? 80 },
  stderr: { write: stderr.write, isTTY: isatty(2), columns: () => process.stderr.columns ?? 80 },
  guardRun,
  untilStopped,
  wasStopped: () => stoppedBy !== undefined,
};

process.on('uncaughtException', onUncaught);
process.on('beforeExit', onDrained);
process.on('exit', onExit);
process.on('exit', stderr.finish);

runCli(host).then(end, (error: unknown) => {
  logError(log, error);
  end(error instanceof PrombatchError ? error.exitCode : BUG);
});

/** Ends by itself once nothing is open; what a job left open is named and does not hold the process. */
function end(exitCode: number): void {
  phase = 'done';
  process.exitCode = exitCode;
  setTimeout(() => {
    log.warn(`the job left open: ${describeOpenHandles()}; ended without waiting for them`);
    process.exit(exitCode);
  }, LINGER_MS).unref();
}

function describeOpenHandles(): string {
  const counts = new Map<string, number>();
  for (const name of process.getActiveResourcesInfo()) counts.set(name, (counts.get(name) ?? 0) + 1);
  const standard = new Set(['TTYWrap', 'PipeWrap', 'SignalWrap']);
  const named = [...counts].filter(([name]) => !standard.has(name));
  const shown = named.length > 0 ? named : [...counts];
  return shown.map(([name, count]) => `${count} ${name}`).join(', ') || 'something';
}

function guardRun(stop: (reason: Error) => void, pass?: (signal: NodeJS.Signals) => void): RunGuard {
  phase = 'job';
  stopRun = stop;
  passOn = pass;
  if (pass) standInForStream(stderr);
  const signals = pass ? [...STOP_SIGNALS, ...PASSED_ON] : STOP_SIGNALS;
  for (const signal of signals) process.on(signal, onSignal);
  return {
    jobBegan() {
      phase = 'job';
    },
    idle() {
      phase = 'idle';
    },
    jobEnded() {
      phase = 'after';
    },
    lift() {
      phase = 'after';
      for (const signal of signals) process.off(signal, onSignal);
    },
  };
}

function onSignal(signal: NodeJS.Signals): void {
  const stops = STOP_SIGNALS.includes(signal) || signal === 'SIGQUIT';
  if (passOn && phase === 'job' && !(stops && stoppedBy === undefined)) {
    passOn(signal);
    return;
  }
  if (!stops) return;
  if (stoppedBy !== undefined) {
    log.error(`${signal} after ${stoppedBy}: ended at once; the outcome of the run was not pushed`);
    phase = 'done';
    process.exit(128 + signalNumber(signal));
  }
  stoppedBy = signal;
  stopRun(new StoppedBySignal(signal));
}

function untilStopped(): Promise<void> {
  return new Promise((resolve) => {
    for (const signal of STOP_SIGNALS) process.once(signal, () => resolve());
  });
}

function onUncaught(reason: unknown): void {
  if (phase === 'job') stopRun(new JobCrashed(reason));
  else if (phase !== 'before')
    log.error(`after the job had ended: ${describeThrown(reason)}`, { error: reason });
  else {
    log.error(`before a job began: ${describeThrown(reason)}`, { error: reason });
    phase = 'done';
    process.exit(BUG);
  }
}

function onDrained(): void {
  if (phase !== 'job') return;
  stopRun(
    new JobCrashed(new Error('the job can never end: it waits for something that nothing will settle')),
  );
}

/** An exit that prombatch did not decide on; exit code 0 would claim what nothing confirmed. */
function onExit(code: number): void {
  if (phase === 'done') return;
  const [what, least] = {
    before: [
      'ended before a job began: the module called process.exit, or waits for what nothing will settle',
      NOT_STARTED,
    ],
    job: [`the job called process.exit(${code}): its outcome could not be pushed`, FAILED],
    after: [
      `what the job left behind called process.exit(${code}) before the outcome was pushed`,
      NOT_DELIVERED,
    ],
    idle: [`what a job left behind called process.exit(${code}), which ends the schedule`, FAILED],
  }[phase] as [string, number];
  log.error(what);
  if (code === 0) process.exitCode = least;
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
