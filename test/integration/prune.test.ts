import { once } from 'node:events';
import { createServer, request as httpRequest } from 'node:http';
import fc from 'fast-check';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type GatewayRequests, openGatewayRequests } from '../../src/delivery/client/gateway-requests.js';
import type { GatewayGroup } from '../../src/exposition/api-groups.js';
import { lastHeardOf } from '../../src/removal/group-id.js';
import { planPrune } from '../../src/removal/plan-prune.js';
import { type Removal, removeGroups } from '../../src/removal/remove-groups.js';
import { CLI, runCli } from '../support/cli.js';
import { long } from '../support/long.js';
import { startProgram } from '../support/program.js';
import { describeOnPushgateways } from '../support/pushgateway.js';
import { waitFor } from '../support/wait-for.js';

const WEEK = 7 * 86_400;
const seed = Number(process.env.SEED ?? Math.floor(Math.random() * 2 ** 31));

/** A group before the prune, and what a writer does to it meanwhile. */
interface Scene {
  readonly groups: readonly { readonly old: boolean; readonly due: 'none' | 'future' | 'past' }[];
  /** Further old groups, so that there is more than one batch. */
  readonly further: number;
  readonly includeOverdue: boolean;
  /** Pushes right before or right after the n-th request of the prune. */
  readonly writes: readonly { readonly request: number; readonly after: boolean; readonly group: number }[];
}

const scenes: fc.Arbitrary<Scene> = fc.record({
  groups: fc.array(
    fc.record({
      old: fc.oneof(
        { weight: 4, arbitrary: fc.constant(true) },
        { weight: 1, arbitrary: fc.constant(false) },
      ),
      due: fc.oneof(
        { weight: 4, arbitrary: fc.constant('none' as const) },
        { weight: 1, arbitrary: fc.constantFrom('future' as const, 'past' as const) },
      ),
    }),
    { minLength: 1, maxLength: 6 },
  ),
  further: fc.constantFrom(0, 0, 0, 17),
  includeOverdue: fc.boolean(),
  writes: fc.array(
    fc.record({ request: fc.nat({ max: 9 }), after: fc.boolean(), group: fc.nat({ max: 5 }) }),
    { maxLength: 6 },
  ),
});

const path = (index: number) => `/metrics/job/pruned/group/${index}`;
const groupIndex = ({ labels }: GatewayGroup) => Number(Object.fromEntries(labels).group);

async function push(url: string, index: number, body: string): Promise<void> {
  const { status } = await fetch(url + path(index), { method: 'POST', body });
  if (status !== 200) throw new Error(`${path(index)}: ${status}`);
}

/** What was asked of the gateway, in order; writers come in between. */
interface Trace {
  readonly kind: 'count' | 'read' | 'delete';
  readonly group?: number;
}

function withWriters(
  requests: GatewayRequests,
  trace: Trace[],
  write: (request: number, after: boolean) => Promise<void>,
): GatewayRequests {
  const around = async <T>(entry: Trace, body: () => Promise<T>): Promise<T> => {
    const number = trace.push(entry) - 1;
    await write(number, false);
    const result = await body();
    await write(number, true);
    return result;
  };
  return {
    ...requests,
    get: (asked) => around({ kind: 'count' }, () => requests.get(asked)),
    readGroups: () => around({ kind: 'read' }, () => requests.readGroups()),
    deleteGroup: (labels) =>
      around({ kind: 'delete', group: Number(Object.fromEntries(labels).group) }, () =>
        requests.deleteGroup(labels),
      ),
  };
}

describeOnPushgateways('prune beside writers', (gateway) => {
  let requests: GatewayRequests;
  beforeAll(async () => {
    requests = await openGatewayRequests({ gateway: gateway().url }, 10_000);
  });
  afterAll(() => requests.close());

  const play = async (scene: Scene): Promise<{ lost: number; reported: number }> => {
    const { url } = gateway();
    await gateway().wipe();
    const now = Date.now() / 1000;
    const all = [
      ...scene.groups,
      ...Array.from({ length: scene.further }, () => ({ old: true, due: 'none' as const })),
    ];
    const body = ({ due }: (typeof all)[number]) =>
      due === 'none'
        ? 'rows 1\n'
        : `# TYPE batch_job_success_due_timestamp_seconds gauge\nbatch_job_success_due_timestamp_seconds ${now + (due === 'past' ? -WEEK : 3 * WEEK)}\n`;
    for (const [index, group] of all.entries()) if (group.old) await push(url, index, body(group));
    const { groups: before } = await waitFor('the wipe', async () => {
      const reading = await requests.readGroups();
      return reading.groups.length === all.filter(({ old }) => old).length && reading;
    });
    const cutoff = Math.max(0, ...before.map((group) => lastHeardOf(group) ?? 0)) + 1e-6;
    for (const [index, group] of all.entries()) if (!group.old) await push(url, index, body(group));

    const rule = { olderThanSeconds: WEEK, includeOverdue: scene.includeOverdue };
    const plan = (groups: readonly GatewayGroup[]) => planPrune(groups, cutoff + WEEK, rule);
    const chosen = plan((await requests.readGroups()).groups)
      .filter(({ action }) => action === 'remove')
      .map(({ group }) => group);
    const mayGo = all.map(
      ({ old, due }) => old && (due === 'none' || (due === 'past' && scene.includeOverdue)),
    );
    expect(new Set(chosen.map(groupIndex))).toEqual(new Set([...mayGo.keys()].filter((at) => mayGo[at])));

    const trace: Trace[] = [];
    const written: { at: number; group: number; value: number }[] = [];
    const write = async (request: number, after: boolean): Promise<void> => {
      for (const each of scene.writes) {
        if (each.request !== request || each.after !== after || each.group >= all.length) continue;
        const value = written.length + 2;
        await push(url, each.group, `rows ${value}\n`);
        written.push({ at: 2 * request + (after ? 1 : 0), group: each.group, value });
      }
    };
    const removals = new Map<number, Removal>();
    const noCount = { told: 0 };
    for await (const removal of removeGroups(chosen, {
      requests: withWriters(requests, trace, write),
      whyKeep: (group) => plan([group]).find(({ action }) => action !== 'remove')?.why,
      onNoCount: () => noCount.told++,
      settleMs: 10_000,
    }))
      removals.set(groupIndex(removal.group), removal);
    expect(noCount.told).toBe(0);

    const held = new Map(
      (await requests.readGroups()).groups.map((group) => [
        groupIndex(group),
        group.families.find(({ name }) => name === 'rows')?.samples[0]?.value,
      ]),
    );
    let [lost, reported] = [0, 0];
    for (const [index] of all.entries()) {
      const deletedBy = trace.findIndex(({ kind, group }) => kind === 'delete' && group === index);
      const writes = written.filter(({ group }) => group === index);
      const result = removals.get(index)?.result;
      if (deletedBy < 0) {
        // Not chosen, or written to before the second reading.
        expect(held.has(index), `group ${index} is there`).toBe(true);
        if (writes.length > 0) expect(held.get(index)).toBe(writes.at(-1)?.value);
        expect(mayGo[index] ? result : 'kept').toBe('kept');
        continue;
      }
      const countedBy = trace.slice(0, deletedBy).findLastIndex(({ kind }) => kind === 'count');
      const readBy = countedBy + 1;
      expect(trace[readBy]?.kind).toBe('read');
      const places = writes.map(({ at }) =>
        at <= 2 * readBy ? 'before' : at <= 2 * deletedBy ? 'window' : 'after',
      );
      expect(places, `a write to ${index} before its second reading`).not.toContain('before');
      if (places.includes('window')) {
        lost++;
        expect(['pushed_meanwhile', 'removed_perhaps_pushed']).toContain(result);
        reported++;
      }
      expect(held.has(index), `group ${index} after its deletion`).toBe(places.includes('after'));
      if (written.length === 0) expect(result).toBe('removed');
    }
    return { lost, reported };
  };

  test(`what was written before the second reading survives, and what is written in the window is reported (SEED=${seed})`, async () => {
    const runs = long ? 200 : 8;
    let windows = 0;
    await fc.assert(
      fc.asyncProperty(scenes, async (scene) => {
        windows += (await play(scene)).lost;
      }),
      { seed, numRuns: runs },
    );
    if (long) expect(windows, 'writes in the window').toBeGreaterThan(20);
  });

  test('a push in the window is reported, if the group is gone and if it is there again', async () => {
    const groups = [{ old: true, due: 'none' as const }];
    const scene = (writes: Scene['writes']): Scene => ({ groups, further: 0, includeOverdue: false, writes });
    // The requests: count, read, delete, read, count.
    expect(await play(scene([{ request: 1, after: true, group: 0 }]))).toEqual({ lost: 1, reported: 1 });
    expect(await play(scene([{ request: 2, after: false, group: 0 }]))).toEqual({ lost: 1, reported: 1 });
    expect(
      await play(
        scene([
          { request: 2, after: false, group: 0 },
          { request: 2, after: true, group: 0 },
        ]),
      ),
    ).toEqual({ lost: 1, reported: 1 });
  });
});

describeOnPushgateways('prombatch prune and delete', (gateway) => {
  beforeEach(() => gateway().wipe());
  const post = async (key: string, body = 'rows 1\n'): Promise<void> => {
    const { status } = await fetch(`${gateway().url}/metrics/${key}`, { method: 'POST', body });
    expect(status).toBe(200);
  };
  const cli = (...args: string[]) => runCli([...args, '-g', gateway().url]);
  const jobs = async () => (await gateway().groups()).map(({ job }) => job);
  /** The gateway's Date counts whole seconds. */
  const becomeOld = async (): Promise<void> => {
    await waitFor('a group to be old', async () => {
      const { stdout } = await cli('prune', '--older-than', '1s', '--dry-run');
      return /[1-9]\d* of/.test(stdout);
    });
  };

  test('prune says what it removes and why, and what it keeps and why', async () => {
    const now = Date.now() / 1000;
    await post('job/yearly', `batch_job_success_due_timestamp_seconds ${now + 86_400}\n`);
    await post('job/late', `batch_job_success_due_timestamp_seconds ${now - 90_000}\n`);
    await post('job/left_over/pod/x-1');
    await becomeOld();
    const dry = await cli('prune', '--older-than', '1s', '--dry-run');
    expect(dry.code).toBe(0);
    expect(dry.stdout).toMatch(
      /: 1 of 3 groups to remove\n {2}left_over \{pod="x-1"\}: last pushed \d+s ago, no/,
    );
    expect(dry.stdout).toMatch(/2 old and kept\n/);
    expect(dry.stdout).toMatch(/ {2}yearly: its next success is due in 2[34]h/);
    expect(dry.stdout).toMatch(
      / {2}late: overdue by 1d1h, and its alert would end unseen: --include-overdue/,
    );
    expect((await jobs()).length).toBe(3);

    const done = await cli('prune', '--older-than', '1s', '--yes');
    expect([done.code, done.stderr]).toEqual([0, '']);
    expect(done.stdout).toMatch(/^removed left_over \{pod="x-1"\}: last pushed \d+s ago, no batch metrics/m);
    expect((await jobs()).sort()).toEqual(['late', 'yearly']);
    expect((await cli('prune', '--older-than', '1s', '--yes', '--include-overdue')).code).toBe(0);
    expect(await jobs()).toEqual(['yearly']);
  });

  test('prune leaves what is younger, and jobs that the pattern does not match', async () => {
    await post('job/import_a');
    await post('job/export_a');
    await becomeOld();
    expect((await cli('prune', '--older-than', '1h', '--yes')).stdout).toContain('0 of 2 groups to remove');
    expect((await cli('prune', '--older-than', '1s', '--job', 'import_*', '--yes')).code).toBe(0);
    expect(await jobs()).toEqual(['export_a']);
  });

  test('delete removes one group, and names the others of the job if there is no such one', async () => {
    await post('job/a');
    await post('job/a/host/db1');
    await post('job/a/host/db2');
    const none = await cli('delete', '--job', 'a', '--grouping', 'host=db3', '--yes');
    expect(none.code).toBe(1);
    expect(none.stderr).toContain('of this job there is a, a {host="db1"}, a {host="db2"}');
    const one = await cli('delete', '--job', 'a', '--grouping', 'host=db1', '--yes');
    expect(one.code).toBe(0);
    expect(one.stdout).toMatch(
      /^removed a \{host="db1"\}: last pushed (?:just now|.* ago), no batch metrics, 1 metric\n$/,
    );
    expect((await gateway().groups()).length).toBe(2);
    expect((await cli('delete', '--job', 'a', '--all-groupings', '--dry-run')).stdout).toContain(
      'would remove 2 groups',
    );
    expect((await cli('delete', '--job', 'a', '--all-groupings', '--yes')).code).toBe(0);
    expect(await jobs()).toEqual([]);
  });

  test('delete ends what poisons a gateway: a group that differs by an empty label only', async () => {
    const { url } = gateway();
    await post('job/a');
    await fetch(`${url}/metrics/job/a/instance@base64/=`, { method: 'POST', body: 'rows 1\n' });
    expect((await fetch(`${url}/metrics`)).status).toBe(500);
    const { code, stdout, stderr } = await cli('delete', '--job', 'a', '--grouping', 'instance=', '--yes');
    expect(code).toBe(0);
    expect(stdout).toMatch(/^removed a \{instance=""\}/);
    expect(stderr).toContain('does not count its pushes');
    expect((await fetch(`${url}/metrics`)).status).toBe(200);
    expect(await gateway().groups()).toEqual([{ job: 'a' }]);
  });

  test('a push that comes in the moment of the deletion is reported', async () => {
    await post('job/a');
    const proxy = await startPushingProxy(gateway().url);
    const { code, stdout } = await runCli(['delete', '--job', 'a', '--yes', '-g', proxy.url]);
    await proxy.close();
    expect(code).toBe(1);
    expect(stdout).toBe(
      'removed a, and a push that came in that moment may have gone with it: is its next run in the gateway?\n',
    );
  });

  test.each([
    ['y', 0, []],
    ['n', 1, ['a']],
    ['', 1, ['a']],
  ])('on a terminal it asks, and the answer %j counts', async (answer, code, left) => {
    await post('job/a');
    const command = `${process.execPath} ${CLI} delete --job a -g ${gateway().url}; exit $?`;
    const terminal = startProgram('script', ['-qec', command, '/dev/null'], {}, 'terminal');
    await waitFor('the question', () => terminal.stdout().includes('Remove 1 group from'));
    terminal.child.stdin?.write(`${answer}\n`);
    const result = await terminal.result;
    terminal.child.stdin?.end();
    expect(result.stdout).toContain(answer === 'y' ? 'removed a' : 'nothing was removed');
    expect(result.code).toBe(code);
    expect(await jobs()).toEqual(left);
  });
});

describe('prombatch delete and prune', () => {
  test.each([
    [['delete'], '--job: expected the name of a job, got none'],
    [['delete', '--job', 'a'], 'expected --yes, since there is no terminal to ask on'],
    [['delete', '--job', 'a', '-y', '-g', 'none'], '--gateway: expected the address of a Pushgateway'],
    [['prune'], '--older-than: expected a duration such as 7d, got none'],
    [['prune', '--older-than', '7d'], 'expected --yes, since there is no terminal to ask on'],
    [
      ['prune', '--older-than', '0', '-y'],
      '--older-than: expected a duration such as 7d, more than 0, got "0"',
    ],
  ])('%j is exit 2', async (args, message) => {
    const { code, stderr } = await runCli(args);
    expect(code).toBe(2);
    expect(stderr).toContain(message);
  });

  test.each([[['delete', '--job', 'a', '-y']], [['prune', '--older-than', '7d', '-y']]])(
    '%j is exit 3 if nothing listens',
    async (args) => {
      const { code, stdout, stderr } = await runCli([...args, '-g', '127.0.0.1:1']);
      expect([code, stdout]).toEqual([3, '']);
      expect(stderr).toContain('nothing listens');
    },
  );
});

/** Pushes to the group of each DELETE, right before it passes it on. */
async function startPushingProxy(target: string): Promise<{ url: string; close(): Promise<void> }> {
  const server = createServer(async (incoming, outgoing) => {
    const { method, url = '/' } = incoming;
    if (method === 'DELETE') await fetch(target + url, { method: 'POST', body: 'rows 2\n' });
    const passed = httpRequest(target + url, { method }, (answer) => {
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(outgoing);
    });
    passed.end();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  return {
    url: `http://127.0.0.1:${port}`,
    async close() {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
}
