import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { CLI, runCli } from '../support/cli.js';
import { canMakeNamespaces } from '../support/namespaces.js';
import { createMark } from '../support/processes.js';
import { startProgram } from '../support/program.js';
import { describeOnPushgateways } from '../support/pushgateway.js';
import { findServer } from '../support/server-process.js';
import { waitFor } from '../support/wait-for.js';

const folder = mkdtempSync(join(tmpdir(), 'prombatch-around-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const tini = findServer('tini');
const script = findServer('script');

describeOnPushgateways('prombatch exec around real programs', (gateway) => {
  describe.skipIf(tini === undefined || !canMakeNamespaces())('as process 1', () => {
    const inNamespace = (job: string, init: readonly string[], program: string) => {
      const mark = createMark();
      const words = [
        '-pf',
        '--mount-proc',
        '--kill-child',
        ...init,
        process.execPath,
        CLI,
        'exec',
        '-g',
        gateway().url,
        '--job',
        job,
        '--no-spool',
        '--',
        'sh',
        '-c',
        program,
      ];
      return { ...startProgram('unshare', words, mark.env), mark };
    };
    /** Leaves an orphan that ends at once, then says how many zombies there are. */
    const ZOMBIES = '(sh -c "true" & sh -c "sleep 0.05" &) ; sleep 0.3; ps -eo stat= | grep -c Z';

    test('under tini zombies are reaped, and nothing is said', async () => {
      const { result } = inNamespace('init', [tini ?? '', '--'], `${ZOMBIES}; exit 3`);
      expect(await result).toMatchObject({ code: 3, stdout: '0\n' });
      expect((await result).stderr).not.toContain('process 1');
    });

    test('under tini SIGTERM reaches the command, and the exit code is 143', async () => {
      const { child, stdout, result, mark } = inNamespace(
        'init_term',
        [tini ?? '', '--'],
        'echo up; exec sleep 60',
      );
      await waitFor('the command to be up', () => stdout().includes('up'));
      // unshare passes nothing on: the signal goes to tini itself, as a container runtime sends it.
      process.kill(firstProcess(child.pid ?? 0), 'SIGTERM');
      expect((await result).code).toBe(143);
      expect(await gateway().samples('init_term')).toMatchObject({ batch_job_exit_code: 143 });
      expect(mark.running()).toEqual([]);
    });

    test('without an init it warns once, and still works', async () => {
      const { child, stdout, result } = inNamespace('bare', [], 'echo up; exec sleep 60');
      await waitFor('the command to be up', () => stdout().includes('up'));
      process.kill(firstProcess(child.pid ?? 0), 'SIGTERM');
      const { code, stderr } = await result;
      expect(code).toBe(143);
      expect(stderr.match(/is process 1/g)).toHaveLength(1);
    });
  });

  describe.skipIf(script === undefined)('under a terminal', () => {
    const inTerminal = (job: string, flags: string, program: string) => {
      const file = join(folder, `${job}.sh`);
      writeFileSync(file, program);
      const mark = createMark();
      const line = `exec ${process.execPath} ${CLI} exec -g ${gateway().url} --job ${job} --no-spool ${flags} -- bash ${file}`;
      return { ...startProgram('script', ['-qefc', line, '/dev/null'], mark.env, 'terminal'), mark };
    };

    test('the command keeps the terminal, and says how it went', async () => {
      const { result } = inTerminal('tty', '', 'test -t 0 && test -t 1 && : < /dev/tty && echo "has it"');
      const { code, stdout } = await result;
      expect(code).toBe(0);
      expect(stdout).toContain('has it');
      expect(stdout).toMatch(/tty succeeded in .*pushed to/s);
    });

    test('Ctrl-C reaches the command once', async () => {
      const { child, stdout, result } = inTerminal(
        'tty_int',
        '',
        'trap "echo got; sleep 1.5; exit 5" INT; echo up; while :; do sleep 0.05; done',
      );
      await waitFor('the command to be up', () => stdout().includes('up'));
      child.stdin?.write('\x03');
      expect((await result).code).toBe(5);
      expect(stdout().match(/got/g)).toHaveLength(1);
    });

    test('past its deadline the command goes with what it started', async () => {
      const { result, mark } = inTerminal(
        'tty_timeout',
        '--timeout 300ms --grace 300ms',
        'trap "" TERM; sleep 60 & while :; do sleep 0.05; done',
      );
      expect((await result).code).toBe(124);
      await waitFor('nothing to be left', () => mark.running().length === 0);
    });
  });

  test('in a folder that was removed, the command runs as it would without prombatch', async () => {
    const gone = join(mkdtempSync(join(folder, 'test-')), 'gone');
    mkdirSync(gone);
    const line = `cd ${gone} && rmdir ${gone} && exec ${process.execPath} ${CLI} exec -g ${gateway().url} -- echo here`;
    const { result } = startProgram('sh', ['-c', line], {});
    expect(await result).toMatchObject({ code: 0, stdout: 'here\n' });
  });

  test('files that were open stay open for the command, and so a lock outlasts a prombatch that was killed', async () => {
    const lock = join(mkdtempSync(join(folder, 'test-')), 'lock');
    const line = `flock -n ${lock} ${process.execPath} ${CLI} exec -g none --job held -- sh -c 'echo $PPID; exec sleep 60'`;
    const mark = createMark();
    const { stdout } = startProgram('sh', ['-c', line], mark.env);
    const prombatch = Number(await waitFor('the command to be up', () => stdout().trim()));
    process.kill(prombatch, 'SIGKILL');
    await waitFor(
      'prombatch to be gone',
      () => !mark.running().some((line) => line.includes('prombatch.cjs')),
    );
    await expect(startProgram('flock', ['-n', lock, 'true'], {}).result).resolves.toMatchObject({ code: 1 });
    for (const line of mark.running()) process.kill(Number(line.split(' ')[0]), 'SIGKILL');
    const { result } = startProgram(
      'bash',
      [
        '-c',
        `${process.execPath} ${CLI} exec -g none --job fd -- cat /dev/fd/7 /dev/fd/42 7<<<"one" 42<<<"two"`,
      ],
      {},
    );
    expect((await result).stdout).toBe('one\ntwo\n');
  });

  test('a stderr that nobody reads keeps neither the deadline nor the outcome', async () => {
    const pipe = join(mkdtempSync(join(folder, 'test-')), 'unread');
    execFileSync('mkfifo', [pipe]);
    const line =
      `exec 3<>${pipe}; exec ${process.execPath} ${CLI} exec -g ${gateway().url} --job unread --timeout 300ms --grace 300ms ` +
      `-- sh -c 'trap "" TERM; yes >&2' 2>${pipe}`;
    const mark = createMark();
    const { result } = startProgram('sh', ['-c', line], mark.env);
    expect((await result).code).toBe(124);
    expect(await gateway().samples('unread')).toMatchObject({ batch_job_exit_code: 124 });
    expect(mark.running()).toEqual([]);
  });

  test('a state folder in which nothing can be made is one warning', async () => {
    const { code, stdout, stderr } = await runCli(['exec', '-g', gateway().url, '--', 'echo', 'ran'], {
      env: { HOME: '/proc' },
    });
    expect({ code, stdout }).toEqual({ code: 0, stdout: 'ran\n' });
    expect(stderr.match(/warning: /g)).toHaveLength(1);
    expect(stderr).toContain('the spool cannot be written');
    expect(await gateway().samples('echo')).toMatchObject({ batch_job_success: 1 });
  });

  test('arguments that are not UTF-8 are refused, for they would come out changed', async () => {
    const line = `exec ${process.execPath} ${CLI} exec -g none -- rm $(printf 'caf\\351')`;
    const { code, stderr } = await startProgram('sh', ['-c', line], {}).result;
    expect(code).toBe(2);
    expect(stderr).toContain('expected a command in UTF-8');
  });

  test('a log that nobody reads does not keep the command', async () => {
    // /dev/full refuses every write.
    const { result } = startProgram(
      'sh',
      ['-c', `${process.execPath} ${CLI} exec -g ${gateway().url} --job full -- sh -c 'exit 9' 2>/dev/full`],
      {},
    );
    expect((await result).code).toBe(9);
  });
});

/** The process that is number 1 inside a namespace which `unshare` made. */
function firstProcess(unshare: number): number {
  return Number(execFileSync('ps', ['-o', 'pid=', '--ppid', String(unshare)], { encoding: 'utf8' }));
}
