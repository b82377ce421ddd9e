import { describeThrown } from '../errors.js';
import { EXIT, exitCodeOfSignal } from '../exit-codes.js';
import type { Log } from '../log.js';
import type { GuardedRuns } from './host.js';

export interface LifecycleOptions {
  readonly log: Log;
  /** Called before the first command is guarded: it shares this process' stderr. */
  readonly onCommand: () => void;
}

/** How this process lives and ends: its signals, what breaks in it, and its exit code. */
export interface Lifecycle {
  guard(runs: GuardedRuns): () => void;
  untilStopped(): Promise<void>;
  wasStopped(): boolean;
  /** Ends the process as soon as nothing is open; what a job left open is named and does not hold it. */
  end(exitCode: number): void;
}

const STOP_SIGNALS: readonly NodeJS.Signals[] = ['SIGINT', 'SIGTERM', 'SIGHUP'];
/** What else a command may wait for, so that one with prombatch in front of it still gets it. */
const PASSED_ON: readonly NodeJS.Signals[] = ['SIGQUIT', 'SIGUSR1', 'SIGUSR2', 'SIGWINCH'];
/** How long the process waits for what a job left open before it names it and ends. */
const LINGER_MS = 200;

export function createLifecycle({ log: ownLog, onCommand }: LifecycleOptions): Lifecycle {
  /** `undefined` until the first run is guarded; it stays after it is called off, for what jobs leave behind. */
  let runs: GuardedRuns | undefined;
  let stoppedBy: NodeJS.Signals | undefined;
  let ended = false;
  const log = (): Log => runs?.log ?? ownLog;

  const exitNow = (exitCode: number): void => {
    ended = true;
    process.exit(exitCode);
  };

  const onSignal = (signal: NodeJS.Signals): void => {
    const asksToEnd = STOP_SIGNALS.includes(signal) || signal === 'SIGQUIT';
    const first = stoppedBy === undefined;
    const run = runs?.current();
    if (runs?.passOn && run?.phase() === 'job' && !(asksToEnd && first)) {
      runs.passOn(signal);
      return;
    }
    if (!asksToEnd) return;
    if (stoppedBy !== undefined) {
      log().error(`${signal} after ${stoppedBy}: ended at once`, { event: 'ended_at_once', signal });
      run?.abandon({ signal });
      exitNow(exitCodeOfSignal(signal));
    }
    stoppedBy = signal;
    runs?.stop(signal);
  };

  const onUncaught = (reason: unknown): void => {
    // What a module that did not load leaves behind is told already.
    if (runs === undefined && ended) return;
    if (runs === undefined) {
      log().error(`before a job began: ${describeThrown(reason)}`, { event: 'crashed', error: reason });
      exitNow(EXIT.bug);
    } else if (runs.current()?.phase() === 'job') runs.crash(reason);
    else
      log().error(`after the job had ended: ${describeThrown(reason)}`, { event: 'crashed', error: reason });
  };

  const onDrained = (): void => {
    if (runs?.current()?.phase() !== 'job') return;
    runs.crash(new Error('the job can never end: it waits for something that nothing will settle'));
  };

  /** An exit that prombatch did not decide on; exit code 0 would claim what nothing confirmed. */
  const onExit = (code: number): void => {
    if (ended) return;
    ended = true;
    const least = (exitCode: number): void => {
      if (code === 0) process.exitCode = exitCode;
    };
    const run = runs?.current();
    if (run) {
      const inJob = run.phase() === 'job';
      const who = inJob ? 'the job' : 'what the job left behind';
      log().error(`${who} called process.exit(${code})`, { event: 'process_exit', exitCode: code });
      process.exitCode = run.abandon({ exitCode: code });
    } else if (runs) {
      log().error(`what a job left behind called process.exit(${code}), which ends the schedule`, {
        event: 'process_exit',
        exitCode: code,
      });
      least(EXIT.failed);
    } else {
      log().error(
        'ended before a job began, and nothing was pushed: the module called process.exit, or waits for what nothing will settle',
        {
          event: 'process_exit',
          exitCode: code,
          hint: 'prombatch run with --job pushes that as a failed run',
        },
      );
      least(EXIT.usage);
    }
  };

  process.on('uncaughtException', onUncaught);
  process.on('beforeExit', onDrained);
  process.on('exit', onExit);

  return {
    guard(given) {
      runs = given;
      if (given.passOn) onCommand();
      const signals = given.passOn ? [...STOP_SIGNALS, ...PASSED_ON] : STOP_SIGNALS;
      for (const signal of signals) process.on(signal, onSignal);
      return () => {
        for (const signal of signals) process.off(signal, onSignal);
      };
    },
    untilStopped: () =>
      new Promise((resolve) => {
        for (const signal of STOP_SIGNALS) process.once(signal, () => resolve());
      }),
    wasStopped: () => stoppedBy !== undefined,
    end(exitCode) {
      ended = true;
      process.exitCode = exitCode;
      setTimeout(() => {
        log().warn(`the job left open: ${describeOpenHandles()}; ended without waiting`, {
          event: 'job_left_open',
        });
        process.exit(exitCode);
      }, LINGER_MS).unref();
    },
  };
}

function describeOpenHandles(): string {
  const counts = new Map<string, number>();
  for (const name of process.getActiveResourcesInfo()) counts.set(name, (counts.get(name) ?? 0) + 1);
  const standard = new Set(['TTYWrap', 'PipeWrap', 'SignalWrap']);
  const named = [...counts].filter(([name]) => !standard.has(name));
  const shown = named.length > 0 ? named : [...counts];
  return shown.map(([name, count]) => `${count} ${name}`).join(', ') || 'something';
}
