import {
  existsSync,
  linkSync,
  mkdirSync,
  readlinkSync,
  rmdirSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { readProcStat } from './proc-stat.js';
import { randomName } from './random-name.js';
import { readRegularFile } from './regular-file.js';

/** Who holds a lock. A process id means something only within its host and PID namespace. */
interface Holder {
  readonly pid: number;
  /** When the process began, in the kernel's ticks: process ids are used again. */
  readonly began: string;
  readonly place: string;
  readonly nonce: string;
}

/** The locks that this process holds, by their nonces. */
const held = new Set<string>();

const POLL_MS = 20;
const HEARTBEAT_MS = 5000;
/** A lock of another host or container, whose processes cannot be seen, counts as left behind after this. */
const SILENT_MS = 30_000;
const STEAL_MS = 10_000;

/**
 * Takes the lock of a folder, or one of this name in it, waiting until `signal` aborts; resolves with what releases it,
 * or `undefined`. A lock that a dead process left behind is taken over.
 *
 * @throws the system's error if no file can be made there.
 */
export async function takeLock(
  folder: string,
  signal: AbortSignal,
  name = 'lock',
): Promise<(() => void) | undefined> {
  for (;;) {
    const lock = tryLock(folder, name);
    if (lock) return lock.release;
    if (signal.aborted) return undefined;
    await wait(POLL_MS, undefined, { signal }).catch(() => {});
  }
}

/** A lock that this process took. */
export interface HeldLock {
  /** Whether nobody has taken it over, as from a process that was suspended for long. */
  isHeld(): boolean;
  release(): void;
}

/** As `takeLock`, at once or not at all. */
export function tryLock(folder: string, name: string): HeldLock | undefined {
  const path = join(folder, name);
  const me: Holder = {
    pid: process.pid,
    began: processStart(process.pid) ?? '',
    place: place(),
    nonce: `${process.pid}-${randomName()}`,
  };
  while (!create(path, me)) {
    const { holder, left } = judge(path);
    if (!left || !takeAway(path, holder)) return undefined;
  }
  held.add(me.nonce);
  const heartbeat = setInterval(() => touch(path), HEARTBEAT_MS).unref();
  const isHeld = (): boolean => readHolder(path)?.nonce === me.nonce;
  return {
    isHeld,
    release() {
      held.delete(me.nonce);
      clearInterval(heartbeat);
      try {
        if (isHeld()) rmSync(path, { force: true });
      } catch {
        // Nobody holds it any more, so whoever needs it next takes it over.
      }
    },
  };
}

/** Whether a process that may be alive holds a lock. */
export function isLocked(folder: string, name: string): boolean {
  const path = join(folder, name);
  return existsSync(path) && !judge(path).left;
}

/** Who holds a lock, and whether it was left behind. */
function judge(path: string): { readonly holder: Holder | undefined; readonly left: boolean } {
  const holder = readHolder(path);
  return { holder, left: holder ? isDead(holder, path) : isSilent(path) };
}

/** A link is made whole or not at all, and only where there is none yet. */
function create(path: string, me: Holder): boolean {
  const beside = `${path}.${me.nonce}`;
  try {
    writeFileSync(beside, JSON.stringify(me), { mode: 0o600, flag: 'wx' });
    linkSync(beside, path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  } finally {
    rmSync(beside, { force: true });
  }
}

/** Only one process at a time may take a lock away, and only the one it has judged; whether this one did. */
function takeAway(path: string, judged: Holder | undefined): boolean {
  const claim = `${path}.claim`;
  try {
    mkdirSync(claim);
  } catch {
    const since = statSync(claim, { throwIfNoEntry: false })?.mtimeMs;
    if (since !== undefined && isLongAgo(since, STEAL_MS)) rmSync(claim, { recursive: true, force: true });
    return false;
  }
  try {
    const same = readHolder(path)?.nonce === judged?.nonce;
    if (same) rmSync(path, { force: true });
    return same;
  } finally {
    rmdirSync(claim);
  }
}

function readHolder(path: string): Holder | undefined {
  try {
    return JSON.parse(readRegularFile(path, { follow: false })) as Holder;
  } catch {
    return undefined;
  }
}

function isDead(holder: Holder, path: string): boolean {
  if (holder.place !== place()) return isSilent(path);
  if (holder.pid === process.pid && holder.began === processStart(process.pid))
    return !held.has(holder.nonce);
  try {
    process.kill(holder.pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return true;
  }
  const began = processStart(holder.pid);
  return began !== undefined && began !== holder.began;
}

/** Whether a lock has shown no sign of life for long; one that a crash of the machine left may even be empty. */
function isSilent(path: string): boolean {
  const beaten = statSync(path, { throwIfNoEntry: false })?.mtimeMs;
  return beaten !== undefined && isLongAgo(beaten, SILENT_MS);
}

/** A time in the future is one of a clock that was set back since: nobody will beat it. */
function isLongAgo(timeMs: number, limitMs: number): boolean {
  return Math.abs(Date.now() - timeMs) > limitMs;
}

/** When a process began; `undefined` if that cannot be told. */
function processStart(pid: number): string | undefined {
  try {
    return readProcStat(pid).startedAt;
  } catch {
    return undefined;
  }
}

function place(): string {
  let namespace = '';
  try {
    namespace = readlinkSync('/proc/self/ns/pid');
  } catch {}
  return `${hostname()} ${namespace}`;
}

function touch(path: string): void {
  try {
    utimesSync(path, new Date(), new Date());
  } catch {}
}
