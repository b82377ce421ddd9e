import type { Host } from '../../process/host.js';
import type { Settings, SettingValues } from '../../settings/setting.js';

/** What a command of the command line does; each is one file that exports one of these. */
export interface Command<S extends Settings = Settings> {
  /** Options end at the first argument: what follows, its own options too, is that argument's. */
  readonly passThrough?: boolean;
  /** What stands behind `--` is given on its own. */
  readonly splitsAtDashes?: boolean;
  /** What to do if more arguments came than it takes. */
  readonly excessHint?: string;
  /** Ends the help: exit codes, examples. */
  readonly notes?: string;
  readonly settings: S;
  /**
   * Resolves with the exit code.
   *
   * @throws PrombatchError for what has a defined answer.
   */
  run(host: Host, input: CommandInput<S>): Promise<number>;
}

export interface CommandInput<S extends Settings> {
  readonly values: SettingValues<S>;
  /** The settings that a flag or a variable gave, by name. */
  readonly given: ReadonlySet<string>;
  readonly args: readonly string[];
  /** What stood behind `--`, where there was one and the command asks for it. */
  readonly trailingArgs?: readonly string[];
}

/** A command whose settings type its input. */
export function defineCommand<const S extends Settings>(command: Command<S>): Command {
  return command as unknown as Command;
}
