import { mkdirSync, mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { removeLeftovers } from '../../../src/files/leftovers.js';
import { tryLock } from '../../../src/files/lock.js';

// A process that is killed while it writes leaves a temporary file: thousands of kills must not fill a folder.

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'prombatch-leftovers-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function age(name: string, hours: number): void {
  const at = new Date(Date.now() - hours * 3_600_000);
  utimesSync(join(folder, name), at, at);
}
function write(name: string, hours: number): void {
  writeFileSync(join(folder, name), '');
  age(name, hours);
}

const TEMPORARY = [
  'told.json.0123456789abcdef.tmp',
  'job.prom.0123456789abcdef.tmp',
  'lock.4711-0123456789abcdef',
  'job.prom.lock.4711-0123456789abcdef',
];

test.each(TEMPORARY)('what a killed process left is removed after a day, and not before: %s', (name) => {
  write(name, 23);
  removeLeftovers(folder, /\.json\.lock$/);
  expect(readdirSync(folder)).toEqual([name]);
  age(name, 25);
  removeLeftovers(folder, /\.json\.lock$/);
  expect(readdirSync(folder)).toEqual([]);
});

test('what others made stays', () => {
  const others = ['job.prom', 'notes.tmp', 'job.prom.123', 'lock', 'other.lock', 'told.json'];
  for (const name of others) write(name, 1000);
  mkdirSync(join(folder, 'a.0123456789abcdef.tmp'));
  removeLeftovers(folder, /\.json\.lock$/);
  expect(readdirSync(folder).sort()).toEqual([...others, 'a.0123456789abcdef.tmp'].sort());
});

test('a lock that a dead process left goes; one that is held stays, however old', () => {
  write('dead.json.lock', 25);
  const lock = tryLock(folder, 'held.json.lock');
  age('held.json.lock', 25);
  removeLeftovers(folder, /\.json\.lock$/);
  expect(readdirSync(folder)).toEqual(['held.json.lock']);
  lock?.release();
});
