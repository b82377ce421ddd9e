import fs, {
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { takeLock } from '../../../src/files/lock.js';

// Two processes that send for one group at the same time lose or double counts; a lock that is never given back holds
// all that waits.

let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'prombatch-lock-'));
  path = join(folder, 'lock');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** Takes the lock if it is free or left behind, without waiting. */
const tryLock = () => takeLock(folder, AbortSignal.abort());

/** A lock as this process would hold it, with something changed. */
async function holder(changes: object): Promise<string> {
  const release = await tryLock();
  const text = readFileSync(path, 'utf8');
  release?.();
  return JSON.stringify({ ...JSON.parse(text), nonce: 'other', ...changes });
}

function writeLock(text: string, ageMs = 0): void {
  writeFileSync(path, text);
  const at = new Date(Date.now() - ageMs);
  utimesSync(path, at, at);
}

describe('a lock is taken over', () => {
  test('if its process id belongs to another process by now', async () => {
    writeLock(await holder({ pid: process.ppid, began: '1' }));
    expect(await tryLock()).toBeTypeOf('function');
  });

  test('if it is of another host, and showed no sign of life for more than half a minute', async () => {
    writeLock(await holder({ place: 'elsewhere' }), 40_000);
    expect(await tryLock()).toBeTypeOf('function');
  });
});

describe('a lock is left alone', () => {
  test('if its process lives', async () => {
    const stat = readFileSync(`/proc/${process.ppid}/stat`, 'utf8');
    const began = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
    writeLock(await holder({ pid: process.ppid, began }), 86_400_000);
    expect(await tryLock()).toBeUndefined();
  });

  test('if it is of another host that showed a sign of life not long ago', async () => {
    writeLock(await holder({ place: 'elsewhere' }), 20_000);
    expect(await tryLock()).toBeUndefined();
  });

  test('if another process took it over just before: only the one that was judged is taken away', async () => {
    const dead = await holder({ pid: process.ppid, began: '1' });
    const alive = await holder({ place: 'elsewhere', nonce: 'another' });
    writeLock(dead);
    const { mkdirSync } = fs;
    // What another process does between the judgement and the claim.
    fs.mkdirSync = ((...given: Parameters<typeof mkdirSync>) => {
      if (given[0] === `${path}.claim`) writeLock(alive);
      return mkdirSync(...given);
    }) as typeof mkdirSync;
    syncBuiltinESMExports();
    try {
      expect(await tryLock()).toBeUndefined();
    } finally {
      fs.mkdirSync = mkdirSync;
      syncBuiltinESMExports();
    }
    expect(readFileSync(path, 'utf8')).toBe(alive);
  });

  test('by one that held it and was taken for dead: it releases no lock but its own', async () => {
    const release = await tryLock();
    const other = await holder({ place: 'elsewhere' });
    writeLock(other);
    release?.();
    expect(existsSync(path)).toBe(true);
    expect(readFileSync(path, 'utf8')).toBe(other);
  });
});

test('whoever holds a lock shows signs of life', async () => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
  try {
    const release = await tryLock();
    utimesSync(path, 0, 0);
    vi.advanceTimersByTime(6000);
    expect(statSync(path).mtimeMs).toBeGreaterThan(Date.now() - 60_000);
    release?.();
    expect(existsSync(path)).toBe(false);
  } finally {
    vi.useRealTimers();
  }
});
