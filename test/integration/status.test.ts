import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, test } from 'vitest';
import { runCli, startCli } from '../support/cli.js';
import { stalling } from '../support/faulty-server.js';
import { long } from '../support/long.js';
import { describeOnPushgateways } from '../support/pushgateway.js';
import { HOSTILE, pushSituations, situations } from '../support/situations.js';
import { waitFor } from '../support/wait-for.js';

interface StatusJson {
  readonly gateway: string;
  readonly counts: Readonly<Record<string, number>>;
  readonly jobs: readonly {
    readonly job: string;
    readonly labels: Readonly<Record<string, string>>;
    readonly state: string;
    readonly problems: readonly string[];
    readonly exitCode?: number;
    readonly overdueSeconds?: number;
    readonly lastSuccessAgeSeconds?: number;
  }[];
}

const parse = (text: string) => JSON.parse(text) as StatusJson;

describeOnPushgateways('prombatch status, of all situations at once', (gateway) => {
  const now = Date.now() / 1000;
  const crowd = long ? 1000 : 100;
  const all = situations(now, crowd);
  beforeAll(() => pushSituations(gateway().url, all));

  const status = (...args: string[]) => runCli(['status', '-g', gateway().url, ...args]);

  test('the JSON has each job with its state and problems, the worst first', async () => {
    const { code, stdout } = await status('--json');
    expect(code).toBe(1);
    const { jobs, counts, gateway: target } = parse(stdout);
    expect(target).toBe(gateway().url);
    expect(jobs).toHaveLength(all.length);
    for (const { job, labels = {}, state, problems } of all) {
      const found = jobs.find(
        (each) => each.job === job && JSON.stringify(each.labels) === JSON.stringify(labels),
      );
      expect(found, job).toMatchObject({ state, problems });
    }
    expect(counts).toEqual({
      failed: 3,
      overdue: 2,
      never_succeeded: 1,
      push_refused: 1,
      metrics_rejected: 1,
      running: 1,
      succeeded: 5 + crowd,
      no_batch_metrics: 2,
    });
    expect(jobs.slice(0, 6).map(({ job }) => job)).toEqual([
      'with_host',
      'never',
      'broke',
      'late',
      'refused',
      'own_rejected',
    ]);
    const shards = jobs.filter(({ job }) => job === 'crowd').map(({ labels: { shard } }) => Number(shard));
    expect(shards).toEqual(Array.from({ length: crowd }, (_, index) => index));
    expect(jobs[0]).toMatchObject({ exitCode: 137 });
    expect(jobs[3]?.overdueSeconds).toBeGreaterThanOrEqual(3600);
  });

  test('the table says the same on a line each, and no name turns a line around', async () => {
    const { code, stdout } = await status();
    expect(code).toBe(1);
    const lines = stdout.split('\n');
    expect(lines[0]).toBe(
      `${11 + crowd} jobs: 3 failed, 2 overdue, 1 never succeeded, 1 with a refused push, 1 with rejected metrics, 1 running, 2 without batch metrics`,
    );
    const line = (name: string) => lines.find((each) => each.startsWith(`${name} `)) ?? '';
    expect(line('with_host')).toMatch(
      /^with_host \{host="db1"\} +failed, exit 137 +1h2\dm ago +overdue by \dm\d*s? +1m +42$/,
    );
    expect(line('never')).toMatch(/failed, exit 1 +never/);
    expect(line('late')).toMatch(/succeeded +1d1h ago +overdue by 1h/);
    expect(line('under_way')).toMatch(/running for \d/);
    expect(line('fresh')).toMatch(/succeeded +\dm\d*s? ago +in 1h5\dm/);
    expect(stdout).toContain('the gateway refused a push; the last that it took was');
    expect(stdout).toContain("the job's own metrics were rejected");
    expect(stdout).not.toMatch(/[^\P{Cc}\n]|[\u202a-\u202e\u2066-\u2069]/u);
    expect(stdout).toContain('\\u202edrow\\u2066<img src=x');
  });

  test.each([
    [['--job', 'fresh'], 0, ['fresh']],
    [['--job', 'f*', '--grouping', 'team=ops'], 0, ['foreign']],
    [['--job', 'l?te'], 1, ['late']],
    [['--job', HOSTILE], 0, [HOSTILE]],
    [['--job', 'nothing_of_this_name'], 0, []],
    [['--job', 'fresh', '--expect', 'fresh', '--expect', 'plain'], 0, ['fresh']],
    [['--job', 'fresh', '--expect', 'gone'], 1, ['gone', 'fresh']],
    [['--job', 'own_*', '--max-age', '2d'], 1, ['own_rejected']],
    [['--job', 'under_way', '--max-age', '1d'], 1, ['under_way']],
    [['--job', 'under_way', '--max-age', '2d'], 0, ['under_way']],
  ] as const)('status %j exits with %i', async (args, expected, names) => {
    const { code, stdout } = await status('--json', ...args);
    expect(parse(stdout).jobs.map(({ job }) => job)).toEqual(names);
    expect(code).toBe(expected);
  });

  test('ten minutes later, the run that told of no end was probably killed', async () => {
    const later = fileURLToPath(new URL('../support/ten-minutes-later.cjs', import.meta.url));
    const args = ['status', '-g', gateway().url, '--job', 'under_way'];
    const { code, stdout } = await runCli(args, { nodeArgs: ['--require', later] });
    expect(code).toBe(1);
    const [head, , , row, note] = stdout.split('\n');
    expect(head).toBe('1 job: 1 probably killed');
    expect(row).toMatch(/^under_way +probably killed +1d1h ago +1m +42$/);
    expect(note).toMatch(/^ {2}began 1\dm\d*s? ago and has told of no end$/);
  });

  test('--watch shows it again when it has changed, until a signal', async () => {
    const cli = startCli(['status', '-g', gateway().url, '--job', 'watched', '--watch']);
    await waitFor('the first table', () => cli.stdout().includes('no jobs'));
    await fetch(`${gateway().url}/metrics/job/watched`, { method: 'POST', body: 'rows 1\n' });
    await waitFor('the next table', () => cli.stdout().includes('1 job: all well, 1 without batch metrics'));
    cli.child.kill('SIGTERM');
    expect((await cli.result).code).toBe(0);
  });

  test('--serve shows the jobs as a page that can neither delete nor push', async () => {
    const cli = startCli(['status', '-g', gateway().url, '--serve', '0']);
    const url = await waitFor('the address', () => /at (http:\/\/127\.0\.0\.1:\d+)/.exec(cli.stderr())?.[1]);
    const page = await fetch(url);
    expect(await page.text()).toContain('<title>');
    expect(page.headers.get('content-security-policy')).not.toContain('unsafe');
    const data = (await (await fetch(url, { headers: { Accept: 'application/json' } })).json()) as {
      groups: unknown[];
    };
    expect(data.groups.length).toBeGreaterThan(crowd);
    for (const method of ['POST', 'PUT', 'DELETE']) {
      expect((await fetch(url, { method })).status).toBe(405);
      expect((await fetch(`${url}/metrics/job/fresh`, { method })).status).toBe(404);
    }
    expect((await fetch(url, { headers: { Origin: 'http://evil.example' } })).status).toBe(403);
    cli.child.kill('SIGTERM');
    expect((await cli.result).code).toBe(0);
  });
});

describe('prombatch status', () => {
  test('a gateway that cannot be read is exit 3, at once and with what to do', async () => {
    const { code, stderr, stdout, elapsedMs } = await runCli(['status', '-g', 'http://127.0.0.1:1']);
    expect([code, stdout]).toEqual([3, '']);
    expect(stderr).toContain('nothing listens at http://127.0.0.1:1');
    expect(elapsedMs).toBeLessThan(10_000);
  });

  test('--watch ends at once at a signal, although the gateway does not answer', async () => {
    const server = await stalling();
    const cli = startCli(['status', '-g', server.address, '--watch']);
    await waitFor('the reading', () => server.requests.length > 0);
    const startMs = performance.now();
    cli.child.kill('SIGINT');
    const { code, stderr } = await cli.result;
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(performance.now() - startMs).toBeLessThan(5000);
    await server.close();
  });

  test('--serve warns if other machines can reach it, and shows why the gateway cannot be read', async () => {
    const cli = startCli(['status', '-g', 'http://127.0.0.1:1', '--serve', ':0']);
    const url = await waitFor('the address', () => /1 at (http:\S+)/.exec(cli.stderr())?.[1]);
    expect(cli.stderr()).toContain(`warning: ${url} can be reached from other machines`);
    const answer = await fetch(url, { headers: { Accept: 'application/json' } });
    expect([answer.status, await answer.text()]).toEqual([
      502,
      expect.stringContaining('nothing listens at http://127.0.0.1:1'),
    ]);
    cli.child.kill('SIGTERM');
    expect((await cli.result).code).toBe(0);
  });

  test.each([
    [['-g', 'none'], '--gateway: expected the address of a Pushgateway, got "none"'],
    [['-g', 'embedded'], '--gateway: expected the address of a Pushgateway, got "embedded"'],
    [['--max-age', '0'], '--max-age: expected a duration such as 2d, more than 0, got "0"'],
    [['--serve', 'x'], '--serve: expected a port'],
    [['--grouping', 'x'], '--grouping: expected a label as name=value'],
  ])('%j is exit 2', async (args, message) => {
    const { code, stderr } = await runCli(['status', ...args]);
    expect(code).toBe(2);
    expect(stderr).toContain(message);
  });
});
