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
   * Guards a run: calls `stop` with a StoppedBySignal at the first signal that asks to end, and with a
   * JobCrashed when the job breaks outside its promise or can no longer settle. A second signal ends the
   * process at once. Returns what says that the job has ended and then lifts the guard.
   *
   * With `passOn`, every signal that a command may wait for is caught. While the job runs, the first that asks to
   * end goes to `stop`, and all others, a second such one too, go to `passOn`.
   */
  guardRun(stop: (reason: Error) => void, passOn?: (signal: NodeJS.Signals) => void): RunGuard;
  /** Resolves at the first signal that asks to end. */
  untilStopped(): Promise<void>;
  /** Whether a signal has asked to end. */
  wasStopped(): boolean;
}

export interface RunGuard {
  /** A further job begins under the same guard. */
  jobBegan(): void;
  /** All of a run is over, and another may begin. */
  idle(): void;
  /** The job has ended: what breaks from now on cannot change how. */
  jobEnded(): void;
  lift(): void;
}

export interface Output {
  write(text: string): void;
  readonly isTTY: boolean;
  /** The terminal's width in characters. */
  columns(): number;
}
