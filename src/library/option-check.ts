import { LONGEST_TIMER_MS } from '../duration.js';
import { UsageError } from '../errors.js';
import type { ValueSetting } from '../settings/setting.js';
import { findSimilar } from './similar-name.js';

/** What is wrong with an option's value, as "expected …, got …", or `undefined`. */
export type OptionCheck = (value: unknown) => string | undefined;

export type OptionChecks = Readonly<Record<string, OptionCheck>>;

/**
 * Checks what a function of the library was given. An option that is `undefined` counts as not given.
 *
 * @throws UsageError that names the option, what was expected and what came; for a name that is no option, the one that
 * was probably meant.
 */
export function checkOptions(given: unknown, checks: OptionChecks, required: readonly string[] = []): void {
  if (!isRecord(given)) throw new UsageError(`options: expected an object, got ${describeValue(given)}`);
  for (const name of Object.keys(given)) {
    if (!Object.hasOwn(checks, name)) throw unknownOption(name, Object.keys(checks));
  }
  for (const [name, check] of Object.entries(checks)) {
    const value = given[name];
    const problem = value === undefined && !required.includes(name) ? undefined : check(value);
    if (problem !== undefined) throw new UsageError(`${name}: ${problem}`);
  }
}

/** A value in a message: never what is in an object, which may be a secret. */
export function describeValue(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value);
  if (Array.isArray(value)) return 'an array';
  if (value instanceof Map) return 'a Map';
  if (typeof value === 'object' && value !== null) return 'an object';
  return typeof value === 'function' ? 'a function' : String(value);
}

/** A text that the command line would take for the setting. */
export function textOf(setting: ValueSetting<unknown>): OptionCheck {
  const { parse, expected, redact = (text: string) => text } = setting;
  return (value) => {
    if (typeof value !== 'string') return unexpected(expected, value);
    return parse(value) === undefined ? unexpected(expected, redact(value)) : undefined;
  };
}

/** As `textOf`, and `false` for none, whatever the environment says. */
export function textOrFalse(setting: ValueSetting<unknown>): OptionCheck {
  const check = textOf({ ...setting, expected: `${setting.expected} or false` });
  return (value) => (value === false ? undefined : check(value));
}

/** Milliseconds that the command line would take for the setting, as the duration that they are. */
export function millisecondsOf({ parse }: ValueSetting<number>): OptionCheck {
  const least = parse('0ms') === undefined ? 1 : 0;
  const expected = `whole milliseconds from ${least} to ${LONGEST_TIMER_MS}`;
  return (value) =>
    typeof value === 'number' && parse(`${value}ms`) === value ? undefined : unexpected(expected, value);
}

export const isSwitch = expecting('true or false', (value) => typeof value === 'boolean');

export const isFunction = expecting('a function', (value) => typeof value === 'function');

/** An object with these methods, of whatever class. */
export function hasMethods(what: string, ...names: readonly string[]): OptionCheck {
  return expecting(
    what,
    (value) => isRecord(value) && names.every((name) => typeof value[name] === 'function'),
  );
}

export const isObject = expecting('an object', isRecord);

/** Grouping labels as an object or as pairs; the labels themselves are checked with the grouping key. */
export const isGrouping: OptionCheck = (value) => {
  const pairs: readonly unknown[] | undefined = Array.isArray(value)
    ? value
    : isRecord(value) && !(Symbol.iterator in value)
      ? Object.entries(value)
      : undefined;
  if (!pairs) return unexpected('labels such as { host: "db1" }', value);
  for (const pair of pairs) {
    if (!Array.isArray(pair) || pair.length !== 2) return unexpected('pairs of a name and a value', pair);
    const [name, text]: unknown[] = pair;
    if (typeof name !== 'string') return unexpected('a text for the name of a label', name);
    if (typeof text !== 'string') return unexpected(`a text for label ${JSON.stringify(name)}`, text);
  }
  return undefined;
};

export const isTexts = expecting(
  'an array of texts',
  (value) => Array.isArray(value) && value.every((each) => typeof each === 'string' && each !== ''),
);

/** `{ username, password }`. */
export const isCredentials = expecting(
  'a username and a password',
  (value) => isRecord(value) && typeof value.username === 'string' && typeof value.password === 'string',
);

/** `{ entries, bytes }`. */
export const isSpoolLimit = expecting(
  '{ entries, bytes }, each a whole number from 1',
  (value) => isRecord(value) && isCount(value.entries) && isCount(value.bytes),
);

export function expecting(expected: string, accepts: (value: unknown) => boolean): OptionCheck {
  return (value) => (accepts(value) ? undefined : unexpected(expected, value));
}

function unexpected(expected: string, value: unknown): string {
  return `expected ${expected}, got ${describeValue(value)}`;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isCount(value: unknown): boolean {
  return Number.isSafeInteger(value) && Number(value) >= 1;
}

function unknownOption(name: string, names: readonly string[]): UsageError {
  const meant = findSimilar(name, names);
  return new UsageError(
    `options: expected no option ${JSON.stringify(name)}${meant ? `; did you mean ${meant}?` : ''}`,
    { hint: `the options are ${names.join(', ')}` },
  );
}
