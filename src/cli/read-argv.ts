import { type GivenFlags, longFlag, type Setting, type Settings } from '../settings/setting.js';

/** What a command line gave, before any value is parsed. */
export interface GivenArgv {
  readonly flags: GivenFlags;
  readonly args: readonly string[];
}

/** What a command takes. */
export interface ArgvShape {
  readonly settings: Settings;
  /** Positional arguments as commander writes them: `<cron> [module]`. */
  readonly arguments?: string | undefined;
  /** Options end at the first argument. */
  readonly passThrough?: boolean | undefined;
}

/**
 * Reads a command's arguments by its settings, as commander would, without the cost of loading it.
 *
 * Returns `undefined` for all that commander has an answer to: an unknown flag, a flag without its value, short flags
 * in one word, too few or too many arguments, `--help`.
 */
export function readArgv(argv: readonly string[], shape: ArgvShape): GivenArgv | undefined {
  const flags: Record<string, GivenFlags[string]> = {};
  const args: string[] = [];
  let left = argv;
  while (left.length > 0) {
    const [word = '', next] = left;
    if (word === '--') {
      args.push(...left.slice(1));
      break;
    }
    if (word.startsWith('-')) {
      const taken = takeFlag(flags, shape.settings, word, next);
      if (taken === 0) return undefined;
      left = left.slice(taken);
      continue;
    }
    const taken = shape.passThrough ? left.length : 1;
    args.push(...left.slice(0, taken));
    left = left.slice(taken);
  }
  return takes(shape.arguments ?? '', args.length) ? { flags, args } : undefined;
}

/** Notes a flag; returns how many words it took, and 0 if it is none that stands as it should. */
function takeFlag(
  flags: Record<string, GivenFlags[string]>,
  settings: Settings,
  word: string,
  next: string | undefined,
): 0 | 1 | 2 {
  const [flag, inline] = splitFlag(word);
  const found = findFlag(settings, flag);
  if (!found) return 0;
  const { name, setting, opposite } = found;
  const value = inline ?? (setting.kind === 'switch' ? true : next);
  if (value === undefined || (setting.kind === 'switch' && value !== true)) return 0;
  // Of `--x` and `--no-x` the last counts.
  if (opposite !== undefined) delete flags[opposite];
  flags[name] = setting.kind === 'list' ? [...list(flags[name]), String(value)] : value;
  return setting.kind === 'switch' || inline !== undefined ? 1 : 2;
}

interface KnownFlag {
  readonly name: string;
  readonly setting: Setting;
  /** The name of the setting that turns this one off. */
  readonly opposite: string | undefined;
}

function findFlag(settings: Settings, flag: string): KnownFlag | undefined {
  const entries = Object.entries(settings);
  const find = (wanted: string) =>
    entries.find(([, { flags }]) => flags.includes(wanted) && flags.split(/[ ,]+/).includes(wanted));
  const found = find(flag);
  if (!found) return undefined;
  const [name, setting] = found;
  const long = longFlag(setting);
  const opposite = find(long.startsWith('--no-') ? `--${long.slice(5)}` : `--no-${long.slice(2)}`)?.[0];
  return { name, setting, opposite };
}

/** `--name=value` in two. */
function splitFlag(word: string): [flag: string, value: string | undefined] {
  const at = word.startsWith('--') ? word.indexOf('=') : -1;
  return at < 0 ? [word, undefined] : [word.slice(0, at), word.slice(at + 1)];
}

function list(given: GivenFlags[string]): readonly string[] {
  return Array.isArray(given) ? given : [];
}

/** Whether so many arguments are neither too few nor too many. */
function takes(spec: string, count: number): boolean {
  const words = spec.split(' ').filter((word) => word !== '');
  const least = words.filter((word) => word.startsWith('<')).length;
  return count >= least && (spec.includes('...') || count <= words.length);
}
