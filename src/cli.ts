import { Command as Commander, CommanderError, Option } from 'commander';
import { exec } from './commands/exec.js';
import { flush } from './commands/flush.js';
import { gateway } from './commands/gateway.js';
import { run } from './commands/run.js';
import { schedule } from './commands/schedule.js';
import { serve } from './commands/serve.js';
import { status } from './commands/status.js';
import type { Command } from './commands/steps/command.js';
import { UsageError } from './errors.js';
import type { Host } from './process/host.js';
import { type GivenFlags, givenSettings, resolveSettings, type Setting } from './settings/setting.js';
import { version } from './version.js';

/** In the order of the help. */
const commands: readonly Command[] = [run, exec, schedule, status, flush, gateway, serve];

/**
 * Runs the command that the arguments name and resolves with its exit code.
 *
 * @throws PrombatchError for what has a defined answer; anything else is a bug.
 */
export async function runCli(host: Host): Promise<number> {
  let exitCode = 0;
  const { argv, trailingArgs } = splitAtDashes(host.argv);
  const program = new Commander('prombatch')
    .enablePositionalOptions()
    .description(
      'A batch job that Prometheus hears about: runs a job and pushes how it went to a Pushgateway.',
    )
    .version(version, '-V, --version')
    .exitOverride()
    .configureOutput({ writeOut: (text) => host.stdout.write(text), writeErr: () => {} });
  for (const command of commands) {
    addCommand(program, command, async (flags, args) => {
      const given = givenSettings(command.settings, flags, host.env);
      const values = resolveSettings(command.settings, flags, host.env);
      exitCode = await command.run(host, { values, given, args, ...(trailingArgs ? { trailingArgs } : {}) });
    });
  }
  if (host.argv.length === 0) {
    host.stderr.write(program.helpInformation());
    return 2;
  }
  try {
    await program.parseAsync(argv, { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0) return 0;
    throw usageError(error, host.argv);
  }
  return exitCode;
}

/** What stands behind `--`, where the command asks for it by itself: commander would mix it with the arguments. */
function splitAtDashes(argv: readonly string[]): {
  argv: readonly string[];
  trailingArgs?: readonly string[];
} {
  const at = argv.indexOf('--');
  const splits = commands.some(({ name, splitsAtDashes }) => name === argv[0] && splitsAtDashes);
  return splits && at >= 0 ? { argv: argv.slice(0, at), trailingArgs: argv.slice(at + 1) } : { argv };
}

function addCommand(
  program: Commander,
  command: Command,
  run: (flags: GivenFlags, args: readonly string[]) => Promise<void>,
): void {
  const entry = program.command(command.name).summary(command.summary).description(command.summary);
  if (command.arguments) entry.arguments(command.arguments);
  if (command.passThrough) entry.passThroughOptions();
  if (command.notes) entry.addHelpText('after', `\n${command.notes}`);
  const options = Object.entries(command.settings).map(([name, setting]) => {
    const option = createOption(setting);
    entry.addOption(option);
    return [name, option] as const;
  });
  entry.action(() => run(readFlags(options, entry.opts()), entry.args));
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
function usageError(error: CommanderError, argv: readonly string[]): UsageError {
  const message = error.message
    .replace(/^error: /, '')
    .replace(/\s*\n\s*/g, ' ')
    .replace(/^\(outputHelp\)$/, 'expected a command');
  const command = commands.find(({ name }) => name === argv[0]);
  const help = `see prombatch ${command ? `${command.name} ` : ''}--help`;
  const excess = error.code === 'commander.excessArguments' ? command?.excessHint : undefined;
  return new UsageError(message, { hint: excess ?? help });
}
