import { readFileSync } from 'node:fs';
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

/**
 * The stack of what was thrown, where it is an Error with one. Of an error that came from elsewhere, a job's, it ends with
 * the last frame there: how prombatch called the job tells nothing.
 */
export function stackOf(reason: unknown): string | undefined {
  try {
    const stack: unknown = reason instanceof Error ? reason.stack : undefined;
    return typeof stack === 'string' ? nameSources(withoutCaller(stack)) : undefined;
  } catch {
    return undefined;
  }
}

const FRAME = /^ {4}at /;
const PLACE = /(?:\(|^ {4}at (?:async )?)(?:file:\/\/)?(\/.*):\d+:\d+\)?$/;

function withoutCaller(stack: string): string {
  const folder = ownFolder();
  if (folder === undefined) return stack;
  const lines = stack.split('\n');
  const last = lines.findLastIndex((line) => {
    const file = FRAME.test(line) ? PLACE.exec(line)?.[1] : undefined;
    return file !== undefined && !file.startsWith(folder);
  });
  const ours = lines.slice(last + 1).some((line) => FRAME.test(line) && line.includes(folder));
  return last >= 0 && ours ? lines.slice(0, last + 1).join('\n') : stack;
}

/** Where prombatch's own files are: the command's folder has the library in it, which the job imports. */
function ownFolder(): string | undefined {
  const frame = new Error().stack?.split('\n').find((line) => FRAME.test(line));
  const file = PLACE.exec(frame ?? '')?.[1];
  return file?.slice(0, file.lastIndexOf('/') + 1).replace(/\/parts\/$/, '/');
}

/** A frame in a file of the built command, which has its map beside it. */
const BUILT_FRAME = /^( {4}at ).*?\(?(\/.*\/dist\/parts\/[\w-]+\.cjs):(\d+):(\d+)\)?$/gm;

/**
 * A stack whose frames in the built command name the sources. A frame whose map cannot be read stays as it is. The maps are
 * read only here: Node's own support would read them at each start.
 */
function nameSources(stack: string): string {
  const SourceMap = process.getBuiltinModule?.('node:module').SourceMap;
  if (!SourceMap) return stack;
  return stack.replace(BUILT_FRAME, (frame, at, file, line, column) => {
    try {
      const map = new SourceMap(JSON.parse(readFileSync(`${file}.map`, 'utf8')));
      const entry = map.findEntry(Number(line) - 1, Number(column) - 1);
      if (!('originalSource' in entry)) return frame;
      const source = entry.originalSource.replace(/^.*?(?=src\/)/, '');
      return `${at}${source}:${entry.originalLine + 1}:${entry.originalColumn + 1}`;
    } catch {
      return frame;
    }
  });
}

/** Whether it comes from the system: a full disk, a folder that cannot be written. */
export function isSystemError(error: unknown): boolean {
  return typeof (error as NodeJS.ErrnoException | undefined)?.syscall === 'string';
}
