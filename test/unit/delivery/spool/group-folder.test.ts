import { mkdirSync, mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { RunEntry } from '../../../../src/delivery/push/run-entry.js';
import { openSpool } from '../../../../src/delivery/spool/spool.js';
import { writeDurably } from '../../../../src/files/durable-file.js';
import { silentLog } from '../../../../src/log.js';

let path: string;
beforeEach(() => {
  path = mkdtempSync(join(tmpdir(), 'prombatch-folder-'));
});
afterEach(() => rmSync(path, { recursive: true, force: true }));

const key = { job: 'a', grouping: [] };
const entry = (startedAtMs: number): RunEntry => ({
  key,
  startedAtMs,
  put: false,
  outcome: '',
  own: '',
  accumulate: false,
});

test('entries keep the order in which they were made, though the clock was set back between them', () => {
  const folder = openSpool(path, silentLog).group('gateway', key);
  const first = folder.add(entry(1));
  const inTwoDays = String(Number(first.slice(0, 16)) + 2 * 86_400e6);
  // As one that was made before the clock was set back.
  writeFileSync(join(folder.path, `${inTwoDays}-1-x.json`), JSON.stringify({ format: 1, entry: entry(2) }));
  const last = folder.add(entry(3));
  expect(folder.names()).toHaveLength(3);
  expect(folder.names().at(-1)).toBe(last);
});

describe('a full spool', () => {
  const LIMITS = { entries: 1, bytes: 1e9 };

  /** Three entries, the first written first. */
  function fill() {
    const spool = openSpool(path, silentLog);
    const folder = spool.group('gateway', key);
    const names = [1, 2, 3].map((at) => folder.add(entry(at)));
    for (const [age, name] of names.toReversed().entries()) {
      const at = new Date(Date.now() - 1000 * age);
      utimesSync(join(folder.path, name), at, at);
    }
    return { spool, folder, names };
  }

  test('drops the oldest entries, but never that of the run that ends', async () => {
    const { spool, folder, names } = fill();
    expect(await spool.trim(LIMITS, names[0] ?? '')).toBe(2);
    expect(folder.names()).toEqual([names[0]]);
  });

  test('drops none that is being sent as one with others: its counts are on their way', async () => {
    const { spool, folder, names } = fill();
    folder.writeFold({ members: names.slice(0, 2), entry: entry(2) });
    expect(await spool.trim(LIMITS, names[2] ?? '')).toBe(0);
    expect(folder.names()).toEqual(names);
  });
});

test('a write that fails leaves nothing behind', () => {
  mkdirSync(join(path, 'taken'));
  expect(() => writeDurably(join(path, 'taken'), 'text')).toThrow(/EISDIR|ENOTEMPTY|EEXIST/);
  expect(readdirSync(path)).toEqual(['taken']);
});

test('an entry of the present format is read as it was written', () => {
  const folder = openSpool(path, silentLog).group('gateway', key);
  const full = {
    ...entry(1),
    accumulate: true,
    own: '# TYPE rows counter\nrows 1\n',
    base: '# TYPE rows counter\nrows 4\n',
    outcome: '# TYPE a gauge\na 1\n',
  };
  const name = folder.add(full);
  expect(folder.read(name)).toEqual({ name, entry: full });
  expect(openSpool(path, silentLog).group('gateway', key).read(name)).toEqual({ name, entry: full });
});

test('an entry that another process has given its base is read with that', () => {
  const open = () => openSpool(path, silentLog).group('gateway', key);
  const folder = open();
  const name = folder.add(entry(1));
  const based = { ...entry(1), base: '# TYPE rows counter\nrows 4\n' };
  open().update(name, based);
  expect(folder.read(name)).toEqual({ name, entry: based });
});
