import { UsageError } from '../errors.js';

/** Reads a value's text; `undefined` when it is not of the form. */
export type Parse<T> = (text: string) => T | undefined;

interface SettingBase {
  /** As commander writes it: `-g, --gateway <url>`. */
  readonly flags: string;
  readonly help: string;
  /** Environment variables that stand in for the flag, the strongest first. */
  readonly env: readonly string[];
  /** The setting that says the opposite, by its name: a flag of that one beats this one's variables too. */
  readonly opposite?: string;
}

/** A setting with one value. */
export interface ValueSetting<T> extends SettingBase {
  readonly kind: 'value';
  readonly parse: Parse<T>;
  /** Ends the sentence "expected …". */
  readonly expected: string;
  readonly default?: string;
  /** Its values are never shown, not even in an error: they may hold a secret. */
  readonly redact?: (text: string) => string;
}

/** A setting that is on or off. */
export interface SwitchSetting extends SettingBase {
  readonly kind: 'switch';
}

/** A setting that may be given several times, or once with commas in the environment. */
export interface ListSetting<T> extends SettingBase {
  readonly kind: 'list';
  readonly parse: Parse<T>;
  /** Reads a flag, if a variable may hold more: every process can see the flags of another. */
  readonly parseFlag?: Parse<T>;
  readonly expected: string;
  readonly redact?: (text: string) => string;
}

export type Setting = ValueSetting<unknown> | SwitchSetting | ListSetting<unknown>;

/** A command's settings by the name that its code uses. */
export type Settings = Readonly<Record<string, Setting>>;

/** The values of a command's settings, typed by their declarations. */
export type SettingValues<S extends Settings> = {
  readonly [K in keyof S]: S[K] extends SwitchSetting
    ? boolean
    : S[K] extends ListSetting<infer T>
      ? readonly T[]
      : S[K] extends ValueSetting<infer T> & { readonly default: string }
        ? T
        : S[K] extends ValueSetting<infer T>
          ? T | undefined
          : never;
};

type Environment = Readonly<Record<string, string | undefined>>;

/** What the command line gave for each setting: texts, texts of a list, or `true` for a switch. */
export type GivenFlags = Readonly<Record<string, string | readonly string[] | true | undefined>>;

/**
 * The values of all settings: a flag beats the environment, which beats the default. A flag beats the variables of its
 * setting's opposite as well. A blank environment variable counts as unset.
 *
 * @throws UsageError that says where the value came from, what was expected and what came.
 */
export function resolveSettings<S extends Settings>(
  settings: S,
  flags: GivenFlags,
  env: Environment,
): SettingValues<S> {
  const values = Object.entries(settings).map(([name, setting]) => [
    name,
    resolveSetting(setting, flags[name], envFor(setting, flags, env)),
  ]);
  return Object.fromEntries(values);
}

/** The settings that a flag or a variable gave, by name. */
export function givenSettings(settings: Settings, flags: GivenFlags, env: Environment): ReadonlySet<string> {
  const given = Object.entries(settings).filter(
    ([name, setting]) =>
      flags[name] !== undefined || variableOf(setting, envFor(setting, flags, env)) !== undefined,
  );
  return new Set(given.map(([name]) => name));
}

/** The variables as far as they count for a setting. */
function envFor({ opposite }: Setting, flags: GivenFlags, env: Environment): Environment {
  return opposite !== undefined && flags[opposite] !== undefined ? {} : env;
}

/** The strongest variable of a setting that is not blank. */
function variableOf(setting: Setting, env: Environment): string | undefined {
  return setting.env.find((name) => env[name]?.trim());
}

function resolveSetting(setting: Setting, flag: GivenFlags[string], env: Environment): unknown {
  if (flag !== undefined) return parseFlag(setting, flag);
  const variable = variableOf(setting, env);
  const text = variable && env[variable]?.trim();
  if (variable && text) return parseVariable(setting, variable, text);
  return parseDefault(setting);
}

function parseFlag(setting: Setting, given: NonNullable<GivenFlags[string]>): unknown {
  if (setting.kind === 'switch' || given === true) return given === true;
  const source = longFlag(setting);
  if (typeof given === 'string') return parseText(setting, source, given);
  const { parse } = setting;
  const flag = { ...setting, parse: (setting.kind === 'list' && setting.parseFlag) || parse };
  return given.map((text) => parseText(flag, source, text));
}

function parseVariable(setting: Setting, variable: string, text: string): unknown {
  if (setting.kind === 'switch') return parseSwitch(variable, text);
  if (setting.kind === 'value') return parseText(setting, variable, text);
  return text.split(',').map((part) => parseText(setting, variable, part.trim()));
}

function parseDefault(setting: Setting): unknown {
  if (setting.kind === 'switch') return false;
  if (setting.kind === 'list') return [];
  return setting.default === undefined ? undefined : parseText(setting, longFlag(setting), setting.default);
}

function parseText<T>(setting: ValueSetting<T> | ListSetting<T>, source: string, text: string): T {
  const value = setting.parse(text);
  if (value !== undefined) return value;
  const shown = 'redact' in setting && setting.redact ? setting.redact(text) : text;
  throw new UsageError(`${source}: expected ${setting.expected}, got ${JSON.stringify(shown)}`);
}

function parseSwitch(source: string, text: string): boolean {
  const lower = text.toLowerCase();
  if (lower === 'true' || lower === '1') return true;
  if (lower === 'false' || lower === '0') return false;
  throw new UsageError(`${source}: expected true, false, 1 or 0, got ${JSON.stringify(text)}`);
}

/** The long form in a setting's flags: `--gateway`. */
export function longFlag({ flags }: Pick<Setting, 'flags'>): string {
  return /--[a-z-]+/.exec(flags)?.[0] ?? flags;
}
