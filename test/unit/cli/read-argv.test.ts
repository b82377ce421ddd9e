import fc from 'fast-check';
import { expect, test } from 'vitest';
import { COMMANDS } from '../../../src/cli/commands.js';
import { readWithCommander } from '../../../src/cli/full-command-line.js';
import { readArgv } from '../../../src/cli/read-argv.js';
import type { Command } from '../../../src/commands/steps/command.js';
import type { Host } from '../../../src/process/host.js';

const commands = await Promise.all(COMMANDS.map(async (entry) => ({ entry, command: await entry.load() })));

/** Parts of a command line of this command: its flags in all forms, arguments, and what is wrong. */
function partsOf({ settings }: Command): fc.Arbitrary<readonly string[]> {
  const forms = Object.values(settings).map(({ kind, flags }) => ({
    flags: flags.match(/--?[a-z-]+/g) ?? [],
    value: kind === 'switch' ? [] : ['value'],
  }));
  const good = forms.flatMap(({ flags, value }) => flags.map((flag) => [flag, ...value]));
  const odd = forms.flatMap(({ flags }) => flags.flatMap((flag) => [[flag], [`${flag}=value`]]));
  const words = ['-', '--', '', 'value', 'a b', '-1', '-qq', '-gx', '-x', '--x', '--x=1', '--help', 'help'];
  return fc.oneof(
    { weight: 5, arbitrary: fc.constantFrom(...good) },
    { weight: 1, arbitrary: fc.constantFrom(...odd, ...words.map((word) => [word])) },
    { weight: 2, arbitrary: fc.constant(['argument']) },
  );
}

/** What is given, without what was only named. */
function given(flags: object): Record<string, unknown> {
  return Object.fromEntries(Object.entries(flags).filter(([, value]) => value !== undefined));
}

test.each(commands)('$entry.name: what is read without commander is what commander reads', async (called) => {
  const { entry, command } = called;
  const words = fc.array(partsOf(command), { maxLength: 6 }).map((parts) => parts.flat());
  let read = 0;
  await fc.assert(
    fc.asyncProperty(words, async (argv) => {
      const fast = readArgv(argv, { ...command, arguments: entry.arguments });
      if (!fast) return;
      read++;
      const host = { argv: [entry.name, ...argv], stdout: { write() {} } } as unknown as Host;
      const slow = await readWithCommander(host, entry, argv);
      expect(slow).not.toBeTypeOf('number');
      const { flags, args } = slow as Exclude<typeof slow, number>;
      expect({ flags: given(fast.flags), args: fast.args }).toEqual({ flags: given(flags), args });
    }),
    { numRuns: 300 },
  );
  expect(read).toBeGreaterThan(20);
});

test('an ordinary command line needs no commander', () => {
  const { entry, command } = commands.find(({ entry: { name } }) => name === 'exec') ?? expect.fail();
  const argv = [
    '-q',
    '--job',
    'nightly',
    '--grouping=a=b',
    '--grouping',
    'c=d',
    '--no-spool',
    '--',
    'x',
    '--y',
  ];
  expect(readArgv(argv, { ...command, arguments: entry.arguments })).toEqual({
    flags: { quiet: true, job: 'nightly', grouping: ['a=b', 'c=d'], noSpool: true },
    args: ['x', '--y'],
  });
});

test.each(['--help', '-h', '--bogus', '-qq', '--job', '--quiet=true', '-5'])(
  'commander has the answer to %s',
  (word) => {
    const { entry, command } = commands.find(({ entry: { name } }) => name === 'run') ?? expect.fail();
    expect(readArgv([word], { ...command, arguments: entry.arguments })).toBeUndefined();
  },
);
