/** Abort reason: the run is to stop because the process got this signal. */
export class StoppedBySignal extends Error {
  readonly signal: string;
  /** What the job gets to end, in milliseconds, where that is not the run's grace period. */
  readonly graceMs: number | undefined;

  constructor(signal: string, options: { graceMs?: number } = {}) {
    super(`stopped by ${signal}`);
    this.name = 'StoppedBySignal';
    this.signal = signal;
    this.graceMs = options.graceMs;
  }
}

/**
 * Abort reason: the job broke outside its promise (an uncaught exception, an unhandled rejection) or can no
 * longer settle. There is nothing to wait for, so the run gets no grace.
 */
export class JobCrashed extends Error {
  /** @param reason what was thrown; it becomes the error of the outcome. */
  readonly reason: unknown;

  constructor(reason: unknown) {
    super('the job crashed');
    this.name = 'JobCrashed';
    this.reason = reason;
  }
}

/** Abort reason: the job ran past its deadline. */
export class DeadlinePassed extends Error {
  readonly timeoutMs: number;

  constructor(timeoutMs: number) {
    super(`past its deadline of ${timeoutMs}ms`);
    this.name = 'DeadlinePassed';
    this.timeoutMs = timeoutMs;
  }
}
