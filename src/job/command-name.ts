/** How an interpreter or a wrapper is read up to the script or command that it runs. */
interface Runner {
  /** Options whose value is the next word. */
  readonly valued?: readonly string[];
  /** How many words it takes for itself before the command: a lock file, a duration. */
  readonly operands?: number;
  /** Options that give the program in another way, so that no script follows. */
  readonly inline?: readonly string[];
  /** `NAME=value` words may stand before the command. */
  readonly assignments?: boolean;
}

const SHELL: Runner = { inline: ['-c', '-s'], valued: ['-o', '+o', '-O', '+O', '--rcfile', '--init-file'] };

/** The interpreters and wrappers that are looked through, by the manual page of each. */
const RUNNERS: ReadonlyMap<string, Runner> = new Map<string, Runner>(
  Object.entries({
    sh: SHELL,
    bash: SHELL,
    dash: SHELL,
    ash: SHELL,
    ksh: SHELL,
    zsh: SHELL,
    fish: { inline: ['-c', '--command'] },
    python: { inline: ['-c', '-m'], valued: ['-W', '-X', '--check-hash-based-pycs'] },
    perl: { inline: ['-e', '-E'], valued: ['-I'] },
    ruby: { inline: ['-e'], valued: ['-I', '-r', '-C', '-E'] },
    node: {
      inline: ['-e', '--eval', '-p', '--print', '-'],
      valued: ['-r', '--require', '--import', '--loader', '--env-file', '-C', '--conditions'],
    },
    nodejs: { inline: ['-e', '--eval', '-p', '--print', '-'], valued: ['-r', '--require', '--import'] },
    php: { inline: ['-r'], valued: ['-c', '-d'] },
    java: { valued: ['-cp', '-classpath', '--class-path', '--module-path'] },
    deno: { operands: 1, inline: ['eval'] },
    Rscript: { inline: ['-e'] },
    env: { assignments: true, inline: ['-S', '--split-string'], valued: ['-u', '--unset', '-C', '--chdir'] },
    nice: { valued: ['-n', '--adjustment'] },
    ionice: { valued: ['-c', '--class', '-n', '--classdata'], inline: ['-p', '--pid'] },
    chrt: { operands: 1, inline: ['-p', '--pid'], valued: ['-T', '-P', '-D'] },
    taskset: { operands: 1, inline: ['-p', '--pid'] },
    nohup: {},
    setsid: {},
    time: { valued: ['-f', '--format', '-o', '--output'] },
    timeout: { operands: 1, valued: ['-k', '--kill-after', '-s', '--signal'] },
    stdbuf: { valued: ['-i', '--input', '-o', '--output', '-e', '--error'] },
    flock: {
      operands: 1,
      inline: ['-c', '--command'],
      valued: ['-w', '--wait', '--timeout', '-E', '--conflict-exit-code'],
    },
    sudo: {
      assignments: true,
      inline: ['-s', '--shell', '-i', '--login', '-e', '--edit'],
      valued: [
        '-u',
        '--user',
        '-g',
        '--group',
        '-h',
        '--host',
        '-p',
        '--prompt',
        '-C',
        '-D',
        '-R',
        '-T',
        '-r',
        '-t',
      ],
    },
    doas: { inline: ['-s'], valued: ['-u', '-C'] },
    chronic: {},
    tini: { valued: ['-p', '-e'] },
    'dumb-init': { valued: ['-r', '--rewrite'] },
    npx: { inline: ['-c', '--call'], valued: ['-p', '--package'] },
    su: { operands: Number.POSITIVE_INFINITY },
    runuser: { operands: Number.POSITIVE_INFINITY },
  }),
);

/**
 * The base name of what a command line really runs: for shells, interpreters and wrappers that of the script or of
 * the command behind them. `undefined` where none can be told, as in `sh -c`.
 */
export function commandName(words: readonly string[]): string | undefined {
  const [first, ...rest] = words;
  if (first === undefined) return undefined;
  const name = baseName(first);
  // python3.11 is a python.
  const runner = RUNNERS.get(name) ?? RUNNERS.get(name.replace(/-?\d+(\.\d+)*$/, ''));
  if (!runner) return name || undefined;
  const behind = skipOwnWords(runner, rest);
  return behind && commandName(behind);
}

/** What stands behind a runner's own options and operands; `undefined` where that cannot be told. */
function skipOwnWords(runner: Runner, words: readonly string[]): readonly string[] | undefined {
  const { valued = [], inline = [], operands = 0, assignments = false } = runner;
  let at = 0;
  for (let left = operands; at < words.length; ) {
    const word = words[at] ?? '';
    if (word === '--') {
      at++;
      continue;
    }
    if (isInline(word, inline)) return undefined;
    if (/^[-+]./.test(word) && words[at - 1] !== '--') at += valued.includes(word) ? 2 : 1;
    else if (assignments && /^\w+=/.test(word)) at++;
    else if (left > 0) {
      left--;
      at++;
    } else return words.slice(at);
  }
  return undefined;
}

/** An option that gives the program, alone or at the end of a cluster of letters: `-c`, `-ec`, `--command=…`. */
function isInline(word: string, inline: readonly string[]): boolean {
  return inline.some((option) =>
    option.startsWith('--')
      ? word === option || word.startsWith(`${option}=`)
      : word === option ||
        (/^-[A-Za-z]$/.test(option) && /^-[A-Za-z]+$/.test(word) && word.endsWith(option.slice(1))),
  );
}

function baseName(path: string): string {
  return path.replace(/\/+$/, '').replace(/^.*\//s, '');
}
