import { Command as Commander, CommanderError, Option } from 'commander';
import type { Command } from '../commands/steps/command.js';
import { UsageError } from '../errors.js';
import type { Host } from '../process/host.js';
import type { GivenFlags, Setting } from '../settings/setting.js';
import { version } from '../version.js';
import { COMMANDS, type CommandEntry } from './commands.js';
import type { GivenArgv } from './read-argv.js';

/**
 * Reads the whole command line with commander: help, and what is wrong with the arguments. Only the options of the
 * command that is called or asked about are loaded.
 *
 * @param words what follows the name of the command.
 * @returns the exit code, if all is said with that.
 * @throws UsageError
 */
export async function readWithCommander(
  host: Host,
  called: CommandEntry | undefined,
  words: readonly string[],
): Promise<number | (GivenArgv & { readonly command: Command })> {
  let read: (GivenArgv & { readonly command: Command }) | undefined;
  const program = new Commander('prombatch')
    .enablePositionalOptions()
    .description(
      'A batch job that Prometheus hears about: runs a job and pushes how it went to a Pushgateway.',
    )
    .version(version, '-V, --version')
    .exitOverride()
    .configureOutput({ writeOut: (text) => host.stdout.write(text), writeErr: () => {} });
  const asked = host.argv[0] === 'help' ? COMMANDS.find(({ name }) => name === host.argv[1]) : called;
  const command = await asked?.load();
  for (const entry of COMMANDS) {
    const added = addEntry(program, entry);
    if (!command || entry !== asked) continue;
    addDetails(added, command, (flags, args) => {
      read = { command, flags, args };
    });
  }
  if (host.argv.length === 0) {
    host.stderr.write(program.helpInformation());
    return 2;
  }
  try {
    await program.parseAsync(called ? [called.name, ...words] : host.argv, { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0) return 0;
    throw usageError(error, called, command);
  }
  return read ?? 0;
}

function addEntry(program: Commander, { name, arguments: args, summary }: CommandEntry): Commander {
  const added = program.command(name).summary(summary).description(summary);
  if (args) added.arguments(args);
  return added;
}

function addDetails(
  added: Commander,
  command: Command,
  onRead: (flags: GivenFlags, args: readonly string[]) => void,
): void {
  if (command.passThrough) added.passThroughOptions();
  if (command.notes) added.addHelpText('after', `\n${command.notes}`);
  const options = Object.entries(command.settings).map(([name, setting]) => {
    const option = createOption(setting);
    added.addOption(option);
    return [name, option] as const;
  });
  added.action(() => onRead(readFlags(options, added.opts()), added.args));
}

function createOption(setting: Setting): Option {
  const byDefault =
    setting.kind === 'value' && setting.default !== undefined ? ` (default: ${setting.default})` : '';
  const env = setting.env.length > 0 ? ` (env: ${setting.env.join(', ')})` : '';
  const option = new Option(setting.flags, setting.help + byDefault + env);
  if (setting.kind !== 'list') return option;
  return option.argParser((text: string, texts: readonly string[] | undefined) => [...(texts ?? []), text]);
}

/** What the command line gave; a `--no-…` switch, which commander turns around, is on when it stands there. */
function readFlags(
  options: readonly (readonly [string, Option])[],
  values: Record<string, unknown>,
): GivenFlags {
  return Object.fromEntries(
    options.map(([name, option]) => {
      const value = values[option.attributeName()];
      if (option.negate) return [name, value === false ? true : undefined];
      // `--no-x` and `--x <value>` share a name in commander: the switch is no value.
      return [name, value === false ? undefined : value];
    }),
  ) as GivenFlags;
}

/** commander's complaint as one line, with where to look. */
function usageError(
  error: CommanderError,
  entry: CommandEntry | undefined,
  command: Command | undefined,
): UsageError {
  const message = error.message
    .replace(/^error: /, '')
    .replace(/\s*\n\s*/g, ' ')
    .replace(/^\(outputHelp\)$/, 'expected a command');
  const help = `see prombatch ${entry ? `${entry.name} ` : ''}--help`;
  const excess = error.code === 'commander.excessArguments' ? command?.excessHint : undefined;
  return new UsageError(message, { hint: excess ?? help });
}
