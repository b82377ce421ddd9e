#!/usr/bin/env node
import { readFileSync } from 'node:fs';
import { runCli } from './cli.js';
import { describeThrown, PrombatchError } from './errors.js';
import type { Host, Output, RunGuard } from './host.js';
import { signalNumber } from './job/signal-number.js';
import { JobCrashed, StoppedBySignal } from './job/stop-reason.js';
import { createLog, logError } from './log.js';

const STOP_SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
/** How long the process waits for what a job left open before it names it and ends. */
const LINGER_MS = 200;
const BUG = 70;

const log = createLog({
  format: wantsJson() ? 'json' : 'text',
  quiet: false,
  write: (text) => process.stderr.write(text),
});

const host: Host = {
  argv: process.argv.slice(2),
  env: process.env,
  cwd: process.cwd(),
  stdout: createOutput(process.stdout),
  stderr: createOutput(process.stderr),
  guardRun,
  untilStopped,
};

runCli(host).then(end, (error: unknown) => {
  if (error instanceof PrombatchError) {
    logError(log, error);
    end(error.exitCode);
  } else {
    log.error(`a bug in prombatch: ${describeThrown(error)}`, { error });
    end(BUG);
  }
});

/** Ends by itself once nothing is open; what a job left open is named and does not hold the process. */
function end(exitCode: number): void {
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
  return (
    (named.length > 0 ? named : [...counts]).map(([name, count]) => `${count} ${name}`).join(', ') ||
    'something'
  );
}

function untilStopped(): Promise<void> {
  return new Promise((resolve) => {
    for (const signal of STOP_SIGNALS) process.once(signal, () => resolve());
  });
}

function guardRun(stop: (reason: Error) => void): RunGuard {
  const ignored = ignoredSignals();
  let jobRuns = true;
  let stopped: NodeJS.Signals | undefined;

  const onSignal = (signal: NodeJS.Signals): void => {
    if (stopped !== undefined) {
      log.error(`${signal} after ${stopped}: ended at once; the outcome of the run was not pushed`);
      process.exit(128 + signalNumber(signal));
    }
    stopped = signal;
    stop(new StoppedBySignal(signal));
  };
  const onCrash = (reason: unknown): void => {
    if (jobRuns) stop(new JobCrashed(reason));
    else log.error(`after the job had ended: ${describeThrown(reason)}`, { error: reason });
  };
  const onDrained = (): void => {
    if (jobRuns)
      stop(
        new JobCrashed(new Error('the job can never end: it waits for something that nothing will settle')),
      );
  };
  const onExit = (code: number): void => {
    log.error(`the job called process.exit(${code}): its outcome could not be pushed`);
    // Exit code 0 would claim a success that nothing confirmed.
    if (code === 0) process.exitCode = 1;
  };

  const signals = STOP_SIGNALS.filter((signal) => !ignored.has(signalNumber(signal)));
  for (const signal of signals) process.on(signal, onSignal);
  process.on('uncaughtException', onCrash);
  process.on('beforeExit', onDrained);
  process.on('exit', onExit);
  return {
    jobEnded() {
      jobRuns = false;
      process.off('exit', onExit);
    },
    lift() {
      this.jobEnded();
      for (const signal of signals) process.off(signal, onSignal);
      process.off('uncaughtException', onCrash);
      process.off('beforeExit', onDrained);
    },
  };
}

/**
 * The signals that whoever started this process wants ignored, as `nohup` does with SIGHUP: a handler of ours
 * would end a job that is meant to go on. Only Linux tells; elsewhere none are known.
 */
function ignoredSignals(): ReadonlySet<number> {
  try {
    const mask = /^SigIgn:\s*([0-9a-f]+)$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? '0';
    const bits = BigInt(`0x${mask}`);
    const numbers = STOP_SIGNALS.map(signalNumber);
    return new Set(numbers.filter((number) => (bits >> BigInt(number - 1)) & 1n));
  } catch {
    return new Set();
  }
}

/** A reader that goes away (`| head -1`) must not break the job. */
function createOutput(stream: NodeJS.WriteStream): Output {
  stream.on('error', () => {});
  return {
    write: (text) => void stream.write(text),
    isTTY: stream.isTTY === true,
    columns: () => stream.columns ?? 80,
  };
}

/** Errors before the flags are read go in the format that was asked for, too. */
function wantsJson(): boolean {
  const { argv, env } = process;
  const at = argv.indexOf('--log-format');
  return (
    argv.includes('--log-format=json') ||
    (at >= 0 && argv[at + 1] === 'json') ||
    env.PROMBATCH_LOG_FORMAT === 'json'
  );
}
