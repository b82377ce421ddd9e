/** How an interpreter or a wrapper is read up to the script or command behind it, after its manual page. */
interface Runner {
  /** One-letter options as getopt(3) has them: a colon follows one with a value. */
  readonly short?: string;
  /** Long options, with a `=` behind those that have a value. */
  readonly long?: readonly string[];
  /** How many words of its own stand before the command: a lock file, a duration. */
  readonly operands?: number;
  /** `NAME=value` words may stand before the command. */
  readonly assignments?: boolean;
  /** A first word that only says what the second does: `bundle exec`. */
  readonly verb?: string;
}

const SHELL: Runner = { short: 'abefhkmnptuvxilrBCEHPTo:O:', long: ['login', 'norc', 'noprofile', 'posix'] };
const NODE: Runner = {
  short: 'r:C:',
  long: [
    ...[
      'require=',
      'import=',
      'loader=',
      'experimental-loader=',
      'env-file=',
      'conditions=',
      'max-old-space-size=',
    ],
    ...['enable-source-maps', 'no-warnings', 'trace-warnings', 'experimental-strip-types'],
  ],
};

/** An option that is not here, as one that gives the program itself (`-c`), means: it cannot be told. */
const RUNNERS: ReadonlyMap<string, Runner> = new Map<string, Runner>(
  Object.entries({
    sh: SHELL,
    bash: SHELL,
    dash: SHELL,
    ash: SHELL,
    ksh: SHELL,
    zsh: SHELL,
    fish: {},
    python: { short: 'bBdEhiIOPqsSuvVxW:X:' },
    perl: { short: 'acnpsStTuUwWXI:M:m:' },
    ruby: { short: 'wWI:r:C:' },
    node: NODE,
    nodejs: NODE,
    php: { short: 'nqd:c:f' },
    deno: {
      verb: 'run',
      short: 'Aq',
      long: ['allow-all', 'allow-net', 'allow-read', 'allow-write', 'allow-env'],
    },
    bundle: { verb: 'exec' },
    env: { short: 'iv0u:C:', long: ['ignore-environment', 'null', 'unset=', 'chdir='], assignments: true },
    nice: { short: 'n:0123456789', long: ['adjustment='] },
    ionice: { short: 'tc:n:', long: ['ignore', 'class=', 'classdata='] },
    chrt: { short: 'bfiorRT:P:D:', operands: 1 },
    taskset: { short: 'ac', operands: 1 },
    nohup: {},
    setsid: { short: 'cfw', long: ['ctty', 'fork', 'wait'] },
    time: { short: 'apqvf:o:', long: ['append', 'portability', 'verbose', 'format=', 'output='] },
    timeout: {
      short: 'vk:s:',
      long: ['foreground', 'preserve-status', 'verbose', 'kill-after=', 'signal='],
      operands: 1,
    },
    stdbuf: { short: 'i:o:e:', long: ['input=', 'output=', 'error='] },
    flock: {
      short: 'esxnouFw:E:',
      long: [
        ...['shared', 'exclusive', 'nonblock', 'nb', 'no-fork', 'close', 'verbose', 'wait=', 'timeout='],
        'conflict-exit-code=',
      ],
      operands: 1,
    },
    sudo: {
      short: 'AbEHknPSu:g:h:p:C:D:R:T:r:t:',
      long: ['non-interactive', 'preserve-env', 'set-home', 'user=', 'group=', 'chdir='],
      assignments: true,
    },
    doas: { short: 'nLu:C:' },
    gosu: { operands: 1 },
    chroot: { long: ['userspec=', 'groups=', 'skip-chdir'], operands: 1 },
    chronic: { short: 've' },
    busybox: {},
    tini: { short: 'gsvwp:e:' },
    'dumb-init': { short: 'cvr:', long: ['single-child', 'verbose', 'rewrite='] },
    su: { operands: Number.POSITIVE_INFINITY },
    runuser: { operands: Number.POSITIVE_INFINITY },
    xargs: { operands: Number.POSITIVE_INFINITY },
  }),
);

/**
 * The base name of what a command line really runs: for shells, interpreters and wrappers that of the script or of
 * the command behind them. `undefined` where that cannot be told for sure, since two jobs under one name would
 * overwrite each other.
 */
export function commandName(argv: readonly string[]): string | undefined {
  const [first, ...rest] = argv;
  if (first === undefined) return undefined;
  const name = baseName(first);
  if (name === 'java') return jarName(rest);
  // python3.11 is a python.
  const runner = RUNNERS.get(name) ?? RUNNERS.get(name.replace(/-?\d+(\.\d+)*$/, ''));
  if (!runner) return name || undefined;
  const behind = skipRunnerArguments(runner, rest);
  return behind && commandName(behind);
}

/** What follows a runner's own options and operands; `undefined` if that cannot be told. */
function skipRunnerArguments(runner: Runner, argv: readonly string[]): readonly string[] | undefined {
  if (runner.verb !== undefined && argv[0] !== runner.verb) return undefined;
  const afterVerb = runner.verb === undefined ? argv : argv.slice(1);
  const afterOptions = skipOptions(runner, afterVerb);
  const rest = afterOptions && skipOperands(runner, afterOptions);
  return rest && rest.length > 0 ? rest : undefined;
}

/** What follows the options; `undefined` if one of them is not known. */
function skipOptions(runner: Runner, argv: readonly string[]): readonly string[] | undefined {
  const [first = ''] = argv;
  if (first === '--') return argv.slice(1);
  if (!/^[-+]/.test(first)) return argv;
  const length = optionLength(runner, first);
  return length === undefined ? undefined : skipOptions(runner, argv.slice(length));
}

/** What follows assignments and operands, between which options may stand again. */
function skipOperands(runner: Runner, argv: readonly string[]): readonly string[] | undefined {
  let rest: readonly string[] | undefined = argv;
  for (let operands = runner.operands ?? 0; rest && rest.length > 0; ) {
    const [first = '']: readonly string[] = rest;
    const skipped = (runner.assignments && first.includes('=')) || operands-- > 0;
    if (!skipped) break;
    rest = skipOptions(runner, rest.slice(1));
  }
  return rest;
}

/** How many arguments an option takes, itself included; `undefined` for one that is not known. */
function optionLength(runner: Runner, argument: string): number | undefined {
  if (argument === '-') return runner.assignments ? 1 : undefined;
  return argument.startsWith('--') ? longLength(runner, argument) : shortLength(runner, argument);
}

function longLength({ long = [] }: Runner, argument: string): number | undefined {
  const name = argument.slice(2).replace(/=.*$/s, '');
  if (long.includes(name)) return 1;
  if (!long.includes(`${name}=`)) return undefined;
  return argument.includes('=') ? 1 : 2;
}

function shortLength({ short = '' }: Runner, argument: string): number | undefined {
  for (let letter = 1; letter < argument.length; letter++) {
    const found = short.indexOf(argument.charAt(letter));
    if (found < 0 || argument[letter] === ':') return undefined;
    if (short[found + 1] === ':') return letter === argument.length - 1 ? 2 : 1;
  }
  return 1;
}

/** `java -Xmx1g -jar etl.jar`: its options are too many to know, but the jar is always named. */
function jarName(argv: readonly string[]): string | undefined {
  const jar = argv[argv.indexOf('-jar') + 1];
  return argv.includes('-jar') && jar !== undefined ? baseName(jar) || undefined : undefined;
}

function baseName(path: string): string {
  return path.replace(/\/+$/, '').replace(/^.*\//s, '');
}
