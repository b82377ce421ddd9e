import { fstatSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';

/** Beyond this, handing a file on would cost more than it is worth: `spawn` takes a list with every number. */
const HIGHEST = 1023;
/** open(2), as `/proc/self/fdinfo` has it: octal. */
const NONBLOCKING = 0o4000;

/**
 * The files beyond stdin, stdout and stderr that this process was started with, such as the lock that `flock`
 * holds. Node would keep them from a child (20: it marks them close-on-exec at its start). Node's own are told apart by
 * what they are: event queues, non-blocking pipes, and pipes with both ends in this process.
 */
export function inheritedFiles(): number[] {
  try {
    const found = readdirSync('/proc/self/fd')
      .map(Number)
      .filter((fd) => fd > 2 && fd <= HIGHEST)
      .flatMap((fd) => describe(fd));
    const ends = new Map<string, number>();
    for (const { target } of found) ends.set(target, (ends.get(target) ?? 0) + 1);
    return found
      .filter(({ target, nonblocking }) => {
        if (target.startsWith('anon_inode:')) return false;
        const passes = target.startsWith('pipe:') || target.startsWith('socket:');
        return !passes || !(nonblocking || (ends.get(target) ?? 0) > 1);
      })
      .map(({ fd }) => fd);
  } catch {
    return [];
  }
}

function describe(fd: number): { fd: number; target: string; nonblocking: boolean }[] {
  try {
    // See `process/stderr.ts` for why not as numbers.
    fstatSync(fd, { bigint: true });
    const target = readlinkSync(`/proc/self/fd/${fd}`);
    const flags = /^flags:\s*(\d+)/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8'))?.[1] ?? '0';
    return [{ fd, target, nonblocking: (Number.parseInt(flags, 8) & NONBLOCKING) !== 0 }];
  } catch {
    // The one that the folder was read with is gone.
    return [];
  }
}
