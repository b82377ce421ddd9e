import { EXIT } from './exit-codes.js';

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
    super('USAGE', message, { exitCode: EXIT.usage, ...options });
  }
}

/** `reason` as readable text, whatever was thrown, even where looking at it throws. */
export function describeThrown(reason: unknown): string {
  try {
    if (reason instanceof Error) return String(reason.message || reason.name);
    if (typeof reason === 'string') return reason;
    return JSON.stringify(reason) ?? String(reason);
  } catch {
    return `a value that cannot be shown (${typeof reason})`;
  }
}

/** The stack of what was thrown, where it is an Error with one. */
export function stackOf(reason: unknown): string | undefined {
  try {
    const stack: unknown = reason instanceof Error ? reason.stack : undefined;
    return typeof stack === 'string' ? stack : undefined;
  } catch {
    return undefined;
  }
}
