import { isIP } from 'node:net';
import { DEFAULT_SPOOL_LIMITS, type SpoolLimits } from '../delivery/spool/spool-limits.js';
import { LONGEST_TIMER_MS, parseDuration } from '../duration.js';
import { isTimezone } from '../timezone.js';
import type { Parse } from './setting.js';

/** Any text that is not empty. */
export const text: Parse<string> = (given) => (given === '' ? undefined : given);

/** The path of a file or folder: no system has one with a null character. */
export const path: Parse<string> = (given) => (given.includes('\0') ? undefined : text(given));

/** A whole number from `min` to `max`. */
export function wholeNumber(min: number, max: number): Parse<number> {
  return (given) => {
    const value = /^\d+$/.test(given) ? Number(given) : Number.NaN;
    return value >= min && value <= max ? value : undefined;
  };
}

/** One of the words. */
export function oneOf<const W extends string>(...words: readonly W[]): Parse<W> {
  return (given) => words.find((word) => word === given);
}

/** A duration that a timer can wait, in milliseconds; 0 only where it means something. */
export function timerDuration(options: { zero: 'allowed' | 'refused' }): Parse<number> {
  return (given) => {
    const ms = parseDuration(given);
    if (ms === undefined || ms > LONGEST_TIMER_MS) return undefined;
    return ms === 0 && options.zero === 'refused' ? undefined : ms;
  };
}

/** Any duration of more than 0, in milliseconds; for spans that no timer waits for. */
export const longDuration: Parse<number> = (given) => parseDuration(given) || undefined;

/** The name of a time zone that this Node knows. */
export const timezone: Parse<string> = (given) => (isTimezone(given) ? given : undefined);

/** `host:port`, `[::1]:port`, or `:port` for all addresses. */
export const listenAddress: Parse<{ readonly host: string; readonly port: number }> = (given) => {
  const [, bracketed, plain, digits] = /^(?:\[([^\]]+)\]|([^:[\]\s]*)):(\d{1,5})$/.exec(given) ?? [];
  const port = Number(digits);
  if (digits === undefined || port > 65_535) return undefined;
  if (bracketed !== undefined && isIP(bracketed) !== 6) return undefined;
  return { host: bracketed ?? (plain || '0.0.0.0'), port };
};

/** A port of this machine's loopback, or what `listenAddress` reads. */
export const serveAddress: Parse<{ readonly host: string; readonly port: number }> = (given) =>
  listenAddress(/^\d+$/.test(given) ? `127.0.0.1:${given}` : given);

/** `1000`, `64MiB` or `1000,64MiB`; what is not given keeps its default. */
export const spoolLimit: Parse<SpoolLimits> = (given) => {
  let { entries, bytes } = DEFAULT_SPOOL_LIMITS;
  for (const part of given.split(',')) {
    const [, digits, unit] = /^(\d{1,9})(KiB|MiB|GiB)?$/.exec(part.trim()) ?? [];
    const value = Number(digits);
    if (digits === undefined || value === 0) return undefined;
    if (unit === undefined) entries = value;
    else bytes = value * { KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30 }[unit as 'KiB' | 'MiB' | 'GiB'];
  }
  return { entries, bytes };
};
