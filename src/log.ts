import { describeThrown, PrombatchError, stackOf } from './errors.js';
import { hideUserinfo } from './redact.js';

type Level = 'debug' | 'info' | 'warn' | 'error';

/** Facts that go with a line; in text form only `hint` and `error` show. */
export interface LogFields {
  /** What kind of line it is: a word that stays the same (docs/delivery.md has them all). */
  readonly event?: string | undefined;
  /** What to do next. */
  readonly hint?: string | undefined;
  /** Shown with its stack, where it has one. */
  readonly error?: unknown;
  readonly [name: string]: unknown;
}

/** Where prombatch and its jobs say what happens; it never carries results. */
export interface Log {
  /** What only --verbose shows. */
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
}

export interface LogOptions {
  readonly format: 'text' | 'json';
  /** Leave `info` out. */
  readonly quiet: boolean;
  /** Say all, `debug` too; outranks `quiet`. Default: false. */
  readonly verbose?: boolean;
  readonly write: (text: string) => void;
  readonly now?: () => Date;
}

/** A log that says nothing. */
export const silentLog: Log = { debug() {}, info() {}, warn() {}, error() {} };

/** A log of one JSON object a line, or of lines for people that start with `prombatch:`. It never throws. */
export function createLog(options: LogOptions): Log {
  const { now = () => new Date(), verbose = false } = options;
  const emit = (level: Level, message: string, fields: LogFields = {}): void => {
    if (!verbose && (level === 'debug' || (options.quiet && level === 'info'))) return;
    try {
      const line =
        options.format === 'json'
          ? jsonLine(level, message, fields, now())
          : textLines(level, message, fields);
      // No password reaches a log, whoever wrote it into a URL.
      options.write(hideUserinfo(line));
    } catch {
      // There is no other place to say it, and no line is worth the run that it is about.
    }
  };
  return {
    debug: (message, fields) => emit('debug', message, fields),
    info: (message, fields) => emit('info', message, fields),
    warn: (message, fields) => emit('warn', message, fields),
    error: (message, fields) => emit('error', message, fields),
  };
}

/** A log whose lines carry these fields, unless they have their own. It never throws, whatever the given one does. */
export function withFields(log: Log, bound: LogFields): Log {
  const say =
    (level: Level) =>
    (message: string, fields?: LogFields): void => {
      try {
        log[level](message, { ...bound, ...fields });
      } catch {
        // No line is worth the run that it is about.
      }
    };
  return { debug: say('debug'), info: say('info'), warn: say('warn'), error: say('error') };
}

/** Says a known error in one line with its hint; whatever else is a bug, with its stack. */
export function logError(log: Log, error: unknown): void {
  if (error instanceof PrombatchError)
    log.error(error.message, { event: 'error', code: error.code, hint: error.hint });
  else logBug(log, error);
}

/** Says a fault of prombatch's own, with its stack. */
export function logBug(log: Log, error: unknown): void {
  log.error(`a bug in prombatch: ${describeThrown(error)}`, { event: 'bug', error });
}

function jsonLine(level: Level, message: string, { error, ...fields }: LogFields, time: Date): string {
  const head = { time: time.toISOString(), level, message: String(message) };
  const stack = stackOf(error);
  const entry = { ...fields, ...head, ...(stack === undefined ? {} : { stack }) };
  try {
    return `${JSON.stringify({ ...head, ...entry })}\n`;
  } catch {
    const shown = Object.entries(entry).map(([name, value]) => [name, showable(value)]);
    return `${JSON.stringify({ ...head, ...Object.fromEntries(shown) })}\n`;
  }
}

/** A field that JSON has no form for (a bigint, a circle) as text. */
function showable(value: unknown): unknown {
  if (typeof value === 'bigint') return String(value);
  return typeof value === 'object' && value !== null ? describeThrown(value) : value;
}

function textLines(level: Level, message: string, fields: LogFields): string {
  const mark = { debug: 'debug: ', info: '', warn: 'warning: ', error: 'error: ' }[level];
  const lines = [`prombatch: ${mark}${message}`];
  const frames = stackFrames(fields.error);
  if (frames) lines.push(frames);
  if (fields.hint) lines.push(`  hint: ${fields.hint}`);
  return `${lines.join('\n')}\n`;
}

/** A stack without the message, which the line already has. */
function stackFrames(error: unknown): string | undefined {
  const stack = stackOf(error) ?? '';
  const start = stack.search(/^ {4}at /m);
  return start < 0 ? undefined : stack.slice(start);
}
