import type { Log } from '../log.js';

/** The process as commands see it: only the process edge makes one, and only tests make another. */
export interface Host {
  /** The arguments after the program's name. */
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  readonly pid: number;
  readonly stdout: Output;
  readonly stderr: Output;
  /**
   * Guards the runs of this process until it is called off: tells them of signals, of what breaks outside their
   * promises, and of the end of the process. A second signal that asks to end ends the process at once.
   */
  guard(runs: GuardedRuns): () => void;
  /** Resolves at the first signal that asks to end. */
  untilStopped(): Promise<void>;
  /** Whether a signal has asked to end. */
  wasStopped(): boolean;
}

export interface GuardedRuns {
  /** For what happens to the runs. */
  readonly log: Log;
  /** The run under way, if there is one. */
  current(): GuardedRun | undefined;
  /** The first signal that asks to end has come. */
  stop(signal: NodeJS.Signals): void;
  /** The job of the run under way broke outside its promise, or can no longer settle. */
  crash(reason: unknown): void;
  /**
   * Passes a signal on to the job, if that is a command. Every signal that a command may wait for is then caught.
   * While the command runs, the first that asks to end goes to `stop`, and all others, a second such one too, here.
   */
  readonly passOn?: (signal: NodeJS.Signals) => void;
}

/** Whether the job runs, the run's metrics are delivered, or neither. */
export type RunPhase = 'job' | 'delivering' | 'over';

/** Why a process ends before its run is over: a signal, or an exit with this code. */
export type AbandonCause = { readonly signal: string } | { readonly exitCode: number };

export interface GuardedRun {
  phase(): RunPhase;
  /**
   * The process ends now: keeps the run's outcome as far as that can be done at once, and says what became of it.
   * Returns the run's exit code.
   */
  abandon(cause: AbandonCause): number;
}

export interface Output {
  write(text: string): void;
  readonly isTTY: boolean;
  /** The terminal's width in characters. */
  columns(): number;
  /** The terminal's height in lines. */
  rows(): number;
}
