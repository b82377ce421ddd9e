import type { Command } from '../commands/steps/command.js';
import type { Host } from '../process/host.js';
import { givenSettings, resolveSettings } from '../settings/setting.js';
import { COMMANDS } from './commands.js';
import { type GivenArgv, readArgv } from './read-argv.js';

/**
 * Runs the command that the arguments name and resolves with its exit code.
 *
 * @throws PrombatchError for what has a defined answer; anything else is a bug.
 */
export async function runCli(host: Host): Promise<number> {
  const [name, ...words] = host.argv;
  const entry = COMMANDS.find((candidate) => candidate.name === name);
  const command = await entry?.load();
  const { argv, trailingArgs } = splitAtDashes(words, command);
  const read = command && readArgv(argv, { ...command, arguments: entry?.arguments });
  if (command && read) return runCommand(host, command, read, trailingArgs);

  const { readWithCommander } = await import('./full-command-line.js');
  const answer = await readWithCommander(host, entry, argv);
  return typeof answer === 'number' ? answer : runCommand(host, answer.command, answer, trailingArgs);
}

/** What stands behind `--`, where the command asks for it by itself: else it would be among the arguments. */
function splitAtDashes(
  words: readonly string[],
  command: Command | undefined,
): { argv: readonly string[]; trailingArgs?: readonly string[] } {
  const at = command?.splitsAtDashes ? words.indexOf('--') : -1;
  return at < 0 ? { argv: words } : { argv: words.slice(0, at), trailingArgs: words.slice(at + 1) };
}

function runCommand(
  host: Host,
  command: Command,
  { flags, args }: GivenArgv,
  trailingArgs: readonly string[] | undefined,
): Promise<number> {
  const given = givenSettings(command.settings, flags, host.env);
  const values = resolveSettings(command.settings, flags, host.env);
  return command.run(host, { values, given, args, ...(trailingArgs ? { trailingArgs } : {}) });
}
