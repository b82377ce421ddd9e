import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, utimesSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createGroupingKey } from '../../../../src/delivery/grouping-key.js';
import type { Entry } from '../../../../src/delivery/remote-write/entry/entry.js';
import {
  entryName,
  givenName,
  type Kind,
  newerRuns,
  newestTimes,
  outdated,
  readNames,
} from '../../../../src/delivery/remote-write/spool/names.js';
import {
  openReceiverSpool,
  pendingByReceiver,
} from '../../../../src/delivery/remote-write/spool/receiver-spool.js';
import { withShortLock } from '../../../../src/files/short-lock.js';
import { silentLog } from '../../../../src/log.js';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'prombatch-receiver-spool-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const time = fc.integer({ min: 0, max: 4e12 });
const kinds = fc.constantFrom<Kind[]>('succeeded', 'failed');

describe('names', () => {
  test('say the times, the end of the run and the size, and sort by time', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(time, time, kinds, fc.nat(1e9))), (all) => {
        const names = all.map(([endMs, startMs, kind, bytes], index) =>
          entryName({ endMs, startMs }, kind, bytes, index.toString(16).padStart(16, '0')),
        );
        const read = readNames(names);
        expect(read).toHaveLength(all.length);
        expect(read.map(({ times }) => times.endMs)).toEqual(
          all.map(([endMs]) => endMs).sort((a, b) => a - b),
        );
        const [first] = read;
        if (first) {
          const [endMs, startMs, kind, bytes] = all[names.indexOf(first.name)] ?? [];
          expect(first).toMatchObject({ times: { endMs, startMs }, kind, bytes, waits: true });
        }
        expect(newestTimes(read)).toEqual({
          newestMs: Math.max(0, ...all.map(([endMs]) => endMs)),
          newestStartMs: Math.max(0, ...all.map(([, startMs]) => startMs)),
        });
      }),
    );
  });

  test('of other files say nothing', () => {
    expect(
      readNames(['lock', 'times', 'rejected', 'in-flight', 'x.json', '1-2-succeeded-3-ab.json']),
    ).toEqual([]);
  });

  test('of times alone are outdated by newer ones of their kind, and entries never are', () => {
    const at = (endMs: number) => ({ endMs, startMs: 0 });
    const names = [
      givenName(at(5), 'succeeded'),
      givenName(at(7), 'succeeded'),
      givenName(at(9), 'other'),
      entryName(at(8), 'failed', 1, 'ab'),
    ];
    expect(outdated(readNames(names))).toEqual([names[0]]);
    expect(newerRuns(readNames(names), 6)).toEqual({ run: true, success: true });
    expect(newerRuns(readNames(names), 7)).toEqual({ run: true, success: false });
    expect(newerRuns(readNames(names), 8)).toEqual({ run: false, success: false });
  });
});

const entry = (job: string): Entry => ({
  key: createGroupingKey(job, []),
  startedAtMs: 0,
  startStored: false,
  outcome: '# TYPE batch_job_success gauge\nbatch_job_success 1\n',
  outcomeAlone: '',
  own: '',
  begun: [],
});
const run = (completedAtMs: number) => ({
  startedAtMs: completedAtMs - 1,
  completedAtMs,
  startMs: undefined,
  succeeded: true,
});

describe('what waits for a receiver', () => {
  const spool = () => openReceiverSpool(folder, 'http://receiver/write', silentLog);
  const group = (job: string) => spool().group(createGroupingKey(job, []));

  test('keeps the times that were given, also when nothing waits any more', () => {
    const first = group('a').keep(entry('a'), run(1000));
    expect(first.times).toEqual({ startMs: 999, endMs: 1000 });
    expect(group('a').keep(entry('a'), run(1000)).times).toEqual({ startMs: 1000, endMs: 1002 });
    group('a').remove(
      group('a')
        .waiting()
        .map(({ name }) => name),
    );
    expect(group('a').isEmpty()).toBe(true);
    expect(group('a').giveSample(500)).toBe(1004);
    expect(group('a').giveStart(500)).toBe(1001);
    expect(group('a').keep(entry('a'), run(2000)).times).toEqual({ startMs: 1999, endMs: 2000 });
    expect(group('b').keep(entry('b'), run(1000)).times).toEqual({ startMs: 999, endMs: 1000 });
  });

  test('is bounded by entries over all groups: the oldest go, never the one that was just kept', () => {
    for (let at = 1; at <= 6; at++) group(`job${at % 2}`).keep(entry(`job${at % 2}`), run(at * 1000));
    const fresh = group('job1').keep(entry('job1'), run(1)).name;
    expect(spool().trim({ entries: 3, bytes: 1e9 }, fresh)).toBe(4);
    expect(pendingByReceiver(folder)).toEqual([{ receiver: 'http://receiver/write', entries: 3 }]);
    expect(group('job1').has(fresh)).toBe(true);
    expect(spool().trim({ entries: 3, bytes: 10 }, fresh)).toBe(2);
    expect(group('job1').has(fresh)).toBe(true);
  });

  test('takes an entry of another group and one that is a link for damaged or left, and names neither as waiting', () => {
    const { name } = group('a').keep(entry('b'), run(1000));
    const [waiting] = group('a').waiting();
    expect(waiting && group('a').read(waiting)).toBeUndefined();
    expect(readdirSync(join(group('a').path, 'rejected')).sort()).toEqual([
      `${name}.damaged`,
      `${name}.damaged.reason`,
    ]);
    symlinkSync('/etc/passwd', join(group('a').path, entryName({ endMs: 1, startMs: 1 }, 'failed', 1, 'ab')));
    const linked = group('a');
    const [link] = linked.waiting();
    expect(link && linked.read(link)).toBeUndefined();
    expect(linked.isEmpty()).toBe(true);
  });
});

describe('a short lock', () => {
  test('is gone when its body is over, even if that throws', () => {
    const path = join(folder, 'times');
    expect(withShortLock(path, () => existsSync(path))).toBe(true);
    expect(existsSync(path)).toBe(false);
    expect(() =>
      withShortLock(path, () => {
        throw new Error('inside');
      }),
    ).toThrow('inside');
    expect(existsSync(path)).toBe(false);
  });

  test.each([-10_000, 3_600_000])(
    'that a dead process left behind %i ms from now is taken over',
    (offsetMs) => {
      const path = join(folder, 'times');
      mkdirSync(path);
      utimesSync(path, new Date(Date.now() + offsetMs), new Date(Date.now() + offsetMs));
      expect(withShortLock(path, () => 'done')).toBe('done');
    },
  );
});
