import { randomBytes } from 'node:crypto';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { runCli, startCli } from '../support/cli.js';
import { createMark } from '../support/processes.js';
import { describeOnPushgateways } from '../support/pushgateway.js';
import { waitFor } from '../support/wait-for.js';

const folder = mkdtempSync(join(tmpdir(), 'prombatch-exec-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const noise = randomBytes(10 * 2 ** 20);
writeFileSync(join(folder, 'noise'), noise);
writeFileSync(join(folder, 'plain.txt'), 'not a program\n');
writeFileSync(join(folder, 'headless'), 'exit 6\n');
chmodSync(join(folder, 'headless'), 0o755);

interface Expected {
  readonly code: number;
  readonly stdout?: Buffer | string;
  readonly stderr?: RegExp;
  readonly stdin?: Buffer;
}

/** Little programs with their arguments, and how each ends. */
const TABLE: readonly (readonly [title: string, words: readonly string[], expected: Expected])[] = [
  ['exits with 0', ['sh', '-c', 'exit 0'], { code: 0 }],
  ['exits with 1', ['sh', '-c', 'exit 1'], { code: 1, stderr: /failed after .*: exited with 1/ }],
  ['exits with 2', ['sh', '-c', 'exit 2'], { code: 2 }],
  ['exits with 42', ['sh', '-c', 'exit 42'], { code: 42 }],
  ['exits with 255', ['sh', '-c', 'exit 255'], { code: 255 }],
  ['is not found', ['no-such-command-here'], { code: 127, stderr: /"no-such-command-here" was not found/ }],
  ['has no name', [''], { code: 127 }],
  ['is not executable', [join(folder, 'plain.txt')], { code: 126, stderr: /cannot be executed \(EACCES\)/ }],
  ['is a folder', [folder], { code: 126 }],
  ['is a script without a first line', [join(folder, 'headless')], { code: 6 }],
  ['is killed by TERM', ['sh', '-c', 'kill -TERM $$'], { code: 143, stderr: /killed by SIGTERM/ }],
  ['is killed by KILL', ['sh', '-c', 'kill -KILL $$'], { code: 137, stderr: /killed by SIGKILL/ }],
  ['is killed by SEGV', ['sh', '-c', 'kill -SEGV $$'], { code: 139, stderr: /killed by SIGSEGV/ }],
  ['prints 10 MB of bytes', ['cat', join(folder, 'noise')], { code: 0, stdout: noise }],
  [
    'prints 10 MB on both outputs',
    ['sh', '-c', `cat "$0/noise" >&2; cat "$0/noise"`, folder],
    { code: 0, stdout: noise },
  ],
  ['reads its input to the end', ['cat'], { code: 0, stdin: noise, stdout: noise }],
  ['leaves its input unread', ['true'], { code: 0, stdin: noise }],
  [
    'closes its output early',
    ['sh', '-c', 'echo first; exec 1>&- 2>&-; exit 4'],
    { code: 4, stdout: 'first\n' },
  ],
  [
    'gets empty and odd arguments',
    ['printf', '[%s]', '', ' ', '$HOME', '--', '-n', '*'],
    {
      code: 0,
      stdout: '[][ ][$HOME][--][-n][*]',
    },
  ],
  ['forks a child and ends', ['sh', '-c', 'sleep 2 & exit 5'], { code: 5 }],
  [
    'becomes a daemon',
    ['sh', '-c', 'setsid sh -c "sleep 2" </dev/null >/dev/null 2>&1 & exit 0'],
    { code: 0 },
  ],
];

describeOnPushgateways('prombatch exec', (gateway) => {
  let job = 0;
  const exec = (words: readonly string[], { flags = [], ...options }: ExecOptions = {}) => {
    const name = `exec_${++job}`;
    const mark = createMark();
    const running = startCli(['exec', '-g', gateway().url, '--job', name, ...flags, '--', ...words], {
      ...options,
      env: { ...mark.env, ...options.env },
    });
    return { ...running, mark, samples: () => gateway().samples(name) };
  };

  test.each(TABLE)('a command that %s', async (_, words, { code, stdout, stderr, stdin }) => {
    const { result, samples, mark } = exec(words, stdin === undefined ? {} : { stdin });
    const ended = await result;
    expect(ended.code).toBe(code);
    if (stdout === undefined) expect(ended.stdout).toBe('');
    else expect(ended.bytes.equals(Buffer.from(stdout))).toBe(true);
    if (stderr) expect(ended.stderr).toMatch(stderr);
    const held = await samples();
    expect(held).toMatchObject({
      batch_job_exit_code: code,
      batch_job_success: code === 0 ? 1 : 0,
      batch_job_metrics_rejected: 0,
    });
    expect('batch_job_last_success_timestamp_seconds' in held).toBe(code === 0);
    // What the command itself left running ends by itself; nothing else is there.
    await waitFor('nothing to be left', () => mark.running().length === 0);
  });

  test('a success says nothing, so that cron has nothing to mail', async () => {
    expect(await exec(['true']).result).toMatchObject({ code: 0, stdout: '', stderr: '' });
  });

  test('what a command leaves running when it ends by itself is left alone, and not waited for', async () => {
    const file = join(mkdtempSync(join(folder, 'test-')), 'left-alone');
    const { result, mark } = exec(['sh', '-c', `(sleep 1; echo done > ${file}) >/dev/null 2>&1 & exit 0`]);
    expect((await result).code).toBe(0);
    expect(mark.running()).not.toEqual([]);
    await waitFor('the child to finish', () => readFileSync(file, 'utf8') === 'done\n');
  });

  test.each(['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT'] as const)(
    '%s reaches the command and its children',
    async (signal) => {
      const name = signal.slice(3);
      const { child, stdout, result, samples, mark } = exec([
        'bash',
        '-c',
        `trap 'echo parent; exit 9' ${name}; (trap 'echo child; exit' ${name}; echo up; while :; do sleep 0.05; done) & wait $!; exit 8`,
      ]);
      await waitFor('the command to be up', () => stdout().includes('up'));
      child.kill(signal);
      expect((await result).code).toBe(9);
      expect(stdout().split('\n').sort()).toEqual(['', 'child', 'parent', 'up']);
      expect(await samples()).toMatchObject({ batch_job_exit_code: 9, batch_job_success: 0 });
      expect(mark.running()).toEqual([]);
    },
  );

  test('a command that dies of the signal ends prombatch with 128 and its number', async () => {
    const { child, stdout, result, samples } = exec(['sh', '-c', 'echo up; exec sleep 60']);
    await waitFor('the command to be up', () => stdout().includes('up'));
    child.kill('SIGTERM');
    expect(await result).toMatchObject({ code: 143, signal: null });
    expect((await samples()).batch_job_exit_code).toBe(143);
  });

  test('a command that ends well after a signal keeps its exit code, and is not called a success', async () => {
    const { child, stdout, result, samples } = exec([
      'bash',
      '-c',
      'trap "exit 0" TERM; echo up; while :; do sleep 0.05; done',
    ]);
    await waitFor('the command to be up', () => stdout().includes('up'));
    child.kill('SIGTERM');
    expect((await result).code).toBe(0);
    expect(await samples()).toMatchObject({ batch_job_exit_code: 0, batch_job_success: 0 });
  });

  test('SIGUSR1, SIGUSR2 and SIGWINCH are passed on to the command alone and end nothing', async () => {
    const { child, stdout, result } = exec([
      'bash',
      '-c',
      'for s in USR1 USR2 WINCH; do trap "echo $s" $s; done; trap "exit 3" TERM; sleep 60 & echo up; while :; do sleep 0.05; done',
    ]);
    await waitFor('the command to be up', () => stdout().includes('up'));
    for (const signal of ['SIGUSR1', 'SIGUSR2', 'SIGWINCH'] as const) {
      child.kill(signal);
      await waitFor(`${signal} to arrive`, () => stdout().includes(signal.slice(3)));
    }
    child.kill('SIGTERM');
    expect((await result).code).toBe(3);
    expect(stdout()).toBe('up\nUSR1\nUSR2\nWINCH\n');
  });

  test('a second SIGTERM is passed on too', async () => {
    const { child, stdout, result } = exec([
      'bash',
      '-c',
      'n=0; trap "n=\\$((n+1)); echo term \\$n; [ \\$n = 2 ] && exit 7" TERM; echo up; while :; do sleep 0.05; done',
    ]);
    await waitFor('the command to be up', () => stdout().includes('up'));
    child.kill('SIGTERM');
    await waitFor('the first', () => stdout().includes('term 1'));
    child.kill('SIGTERM');
    expect((await result).code).toBe(7);
  });

  test('a command that ignores SIGTERM is killed after the grace period, with all that it started', async () => {
    const { child, stdout, result, samples, mark } = exec(
      ['sh', '-c', 'trap "" TERM; sleep 60 & echo up; sleep 60; sleep 60'],
      { flags: ['--grace', '300ms'] },
    );
    await waitFor('the command to be up', () => stdout().includes('up'));
    child.kill('SIGTERM');
    const { code, stderr } = await result;
    expect(code).toBe(137);
    expect(stderr).toContain('did not end within its grace period, and was killed');
    expect((await samples()).batch_job_exit_code).toBe(137);
    expect(mark.running()).toEqual([]);
  });

  test.each([
    ['ends on SIGTERM', 'sleep 60'],
    [
      'ends on SIGTERM, but leaves a child that does not',
      'sh -c "trap : TERM; while :; do sleep 0.05; done" & exec sleep 60',
    ],
    ['ignores SIGTERM', 'trap "" TERM; sleep 60 & while :; do sleep 0.05; done'],
    ['ends with 0 on SIGTERM', 'trap "exit 0" TERM; sleep 60 & wait'],
  ])('past --timeout, a command that %s: exit 124, and no process is left', async (_, script) => {
    const { result, samples, mark } = exec(['sh', '-c', script], {
      flags: ['--timeout', '300ms', '--grace', '300ms'],
    });
    expect((await result).code).toBe(124);
    expect(await samples()).toMatchObject({ batch_job_exit_code: 124, batch_job_success: 0 });
    expect(mark.running()).toEqual([]);
  });

  describe("the command's own metrics", () => {
    const append = (lines: string, flags: readonly string[] = []) =>
      exec(['sh', '-c', 'printf "%s" "$0" >> "$PROMBATCH_METRICS_FILE"; exit 3', lines], { flags });

    test('an echo is enough, a sample given twice keeps its last value, and records are the outcome’s', async () => {
      const { result, samples } = append(
        '# TYPE rows_total counter\nrows_total{table="a"} 1\nloaded 4\nrows_total{table="a"} 2\n' +
          '# TYPE rows_total counter\nrows_total{table="b"} 9\nbatch_job_records_processed 11\nloaded 5',
      );
      expect(await result).toMatchObject({ code: 3 });
      expect(await samples()).toMatchObject({
        'rows_total{table="a"}': 2,
        'rows_total{table="b"}': 9,
        loaded: 5,
        batch_job_records_processed: 11,
        batch_job_metrics_rejected: 0,
        batch_job_exit_code: 3,
      });
    });

    test('counters go on with --accumulate', async () => {
      const name = 'exec_accumulates';
      for (let run = 0; run < 3; run++) {
        await runCli([
          'exec',
          '-g',
          gateway().url,
          '--job',
          name,
          '--accumulate',
          '--',
          'sh',
          '-c',
          'printf "# TYPE rows_total counter\nrows_total 5\nlevel 5\n" > "$PROMBATCH_METRICS_FILE"',
        ]);
      }
      expect(await gateway().samples(name)).toMatchObject({ rows_total: 15, level: 5, batch_job_success: 1 });
    });

    test('bad lines are reported with their numbers, and the good families still go', async () => {
      const { result, samples } = append(
        'good 1\nbad\nbatch_job_success 1\nstamped 1 1395066363000\nshard_rows{shard="9"} 4\nother{job="x"} 1\n' +
          'push_time_seconds 4\ngood_too{a="ü"} 2\n',
        ['--grouping', 'shard=1'],
      );
      const { stderr, code } = await result;
      expect(code).toBe(3);
      for (const line of [2, 3, 4, 5, 6]) expect(stderr).toContain(`own metrics: line ${line}: `);
      expect(stderr).toContain('1 more such line\n');
      expect(await samples()).toMatchObject({
        'good{shard="1"}': 1,
        'good_too{a="ü",shard="1"}': 2,
        'batch_job_metrics_rejected{shard="1"}': 1,
        'batch_job_success{shard="1"}': 0,
        'batch_job_exit_code{shard="1"}': 3,
      });
    });

    test.each([
      ['binary', `head -c 100000 ${join(folder, 'noise')} > $F`, /own metrics: line \d+: /],
      [
        '16 MB of bad lines',
        'yes x | head -c 16000000 > $F',
        /more than 1000 bad lines: the rest was not read/,
      ],
      ['100 MB', 'truncate -s 100M $F', /expected at most 16777216 bytes, got 104857600/],
      ['a pipe', 'rm $F; mkfifo $F', /expected a regular file, got a pipe/],
      ['a folder', 'rm $F; mkdir $F; touch $F/x', /expected a regular file/],
      ['a link elsewhere', 'ln -sf /etc/passwd $F', /expected a file, got a link/],
      ['removed', 'rm $F', /the command removed the file/],
      ['removed with its folder', 'rm -r $(dirname $F)', /the command removed the file/],
      ['made unreadable', 'chmod 0 $F; rm $F; ln -s /proc/1/mem $F', /expected a file, got a link/],
      [
        'of a type that another job has otherwise',
        'echo "# TYPE rows_total gauge" > $F; echo "rows_total 1" >> $F',
        /only its outcome was pushed/,
      ],
    ])('a file that is %s costs neither outcome nor exit code', async (_, script, message) => {
      const { result, samples, mark } = exec(['sh', '-c', `F="$PROMBATCH_METRICS_FILE"; ${script}; exit 4`]);
      const { code, stderr } = await result;
      expect(code).toBe(4);
      expect(stderr).toMatch(message);
      expect(await samples()).toMatchObject({ batch_job_exit_code: 4, batch_job_success: 0 });
      expect(mark.running()).toEqual([]);
    });

    test('where no file can be made, the command can still write', async () => {
      const { result, samples } = exec(['sh', '-c', 'echo "x 1" >> "$PROMBATCH_METRICS_FILE"'], {
        env: { TMPDIR: join(folder, 'no-such-folder') },
      });
      expect((await result).code).toBe(0);
      expect(await samples()).toMatchObject({ x: 1, batch_job_success: 1 });
    });

    test('they are pushed while the command runs with --push-interval', async () => {
      const { child, result, samples } = exec(
        [
          'sh',
          '-c',
          'echo "level 3" >> $PROMBATCH_METRICS_FILE; printf "level 4" >> $PROMBATCH_METRICS_FILE; sleep 60',
        ],
        { flags: ['--push-interval', '100ms'] },
      );
      await waitFor('the level', async () => (await samples()).level === 3);
      child.kill('SIGTERM');
      await result;
      expect((await samples()).level).toBe(4);
    });
  });

  test('a child inherits neither who the job is nor how to get into the gateway, and a nested exec has a file of its own', async () => {
    const { result, samples } = exec(
      [
        'sh',
        '-c',
        'env | sort; echo "outer 1" >> "$PROMBATCH_METRICS_FILE"; "$0" "$1" exec -g "$2" -- true',
        process.execPath,
        join(import.meta.dirname, '../../dist/prombatch.cjs'),
        gateway().url,
      ],
      {
        env: {
          PROMBATCH_GROUPING: 'shard=1',
          PROMBATCH_JOB: 'outer',
          PUSHGATEWAY_PASSWORD: 'hunter2',
          PROMBATCH_EXPECTED_INTERVAL: '1h',
          PROMBATCH_METRICS_FILE: '/nowhere',
          KEPT: 'yes',
          PUSHGATEWAY_URL: gateway().url.replace('//', '//ops:hunter/2@'),
        },
      },
    );
    const { code, stdout } = await result;
    expect(code).toBe(0);
    expect(stdout).toContain('KEPT=yes');
    expect(stdout).not.toMatch(/PROMBATCH_JOB|PROMBATCH_GROUPING|PASSWORD|EXPECTED_INTERVAL|nowhere|hunter/);
    expect(await samples()).toMatchObject({ 'outer{shard="1"}': 1 });
    const nested = await gateway().samples('true');
    expect(nested.batch_job_success).toBe(1);
    expect(nested).not.toHaveProperty('outer');
    expect(nested).not.toHaveProperty('batch_job_success_due_timestamp_seconds');
  });

  test('the due time, the textfile and the spool work as for run', async () => {
    const textfiles = mkdtempSync(join(folder, 'textfiles-'));
    const spool = join(textfiles, 'spool');
    const flags = ['--job', 'shared', '--expected-interval', '1h', '--textfile', textfiles, '--spool', spool];
    const down = await runCli([
      'exec',
      '-g',
      'http://127.0.0.1:1',
      '--push-timeout',
      '300ms',
      ...flags,
      '--',
      'true',
    ]);
    expect(down.code).toBe(0);
    expect(down.stderr).toContain('kept in the spool');
    expect(readFileSync(join(textfiles, 'shared.prom'), 'utf8')).toContain(
      'batch_job_success{batch_job="shared"} 1',
    );
    const up = await runCli(['exec', '-g', gateway().url, ...flags, '--', 'true']);
    expect(up).toMatchObject({ code: 0, stderr: '' });
    expect(await gateway().samples('shared')).toHaveProperty('batch_job_success_due_timestamp_seconds');
  });
});

interface ExecOptions {
  readonly flags?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly stdin?: Buffer;
}

test('a dry run never runs the command, and prints what a success would push', async () => {
  const file = join(folder, 'never');
  const { code, stdout } = await runCli([
    'exec',
    '--dry-run',
    '--expected-interval',
    '1h',
    '--',
    'touch',
    file,
  ]);
  expect(code).toBe(0);
  expect(() => readFileSync(file)).toThrow('ENOENT');
  expect(stdout).toContain('POST http://localhost:9091/metrics/job/touch');
  expect(stdout).toContain('batch_job_success 1');
  expect(stdout).toContain('batch_job_success_due_timestamp_seconds');
});

test.each([
  [['exec'], 'expected a command to run'],
  [['exec', '--job', 'x', '--'], 'expected a command to run'],
  [['exec', '--', 'sh', '-c', 'true'], '--job: expected a name for the job'],
  [['exec', '--timeout', 'soon', '--', 'true'], '--timeout: expected a duration'],
  [['exec', '--no-such-flag', '--', 'true'], "unknown option '--no-such-flag'"],
  [['exec', '--grouping', 'job=x', '--', 'true'], 'job'],
])('%j is refused with exit 2, and nothing is run', async (args, message) => {
  const { code, stderr } = await runCli(args);
  expect(code).toBe(2);
  expect(stderr).toContain(message);
});

test('without --, what follows the command is the command’s', async () => {
  const { code, stdout } = await runCli(['exec', '-g', 'none', 'echo', '--timeout', '--help', '--', '-x']);
  expect(code).toBe(0);
  expect(stdout).toBe('--timeout --help -- -x\n');
});
