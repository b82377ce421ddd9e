/**
 * An error with a defined answer: it prints as one line and a hint, never as a stack.
 * `code` is stable and for programs; `exitCode` is what the process ends with when nothing outranks it.
 */
export class PrombatchError extends Error {
  readonly code: string;
  readonly exitCode: number;
  readonly hint: string | undefined;

  constructor(code: string, message: string, options: { exitCode: number; hint?: string; cause?: unknown }) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = new.target.name;
    this.code = code;
    this.exitCode = options.exitCode;
    this.hint = options.hint;
  }
}

/** Malformed arguments: nothing was run and nothing was pushed (exit code 2). */
export class UsageError extends PrombatchError {
  constructor(message: string, options: { hint?: string; cause?: unknown } = {}) {
    super('USAGE', message, { exitCode: 2, ...options });
  }
}

/** `reason` as one readable line, whatever was thrown: an Error's message, else the value itself. */
export function describeThrown(reason: unknown): string {
  if (reason instanceof Error) return reason.message || reason.name;
  if (typeof reason === 'string') return reason;
  try {
    return JSON.stringify(reason) ?? String(reason);
  } catch {
    return String(reason);
  }
}
