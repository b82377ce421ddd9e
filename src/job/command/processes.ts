import { readdirSync } from 'node:fs';
import { type ProcStat, readProcStat } from '../../files/proc-stat.js';

/** The processes that a command started, as far as they can be told from others. */
export interface Processes {
  signal(signal: NodeJS.Signals): void;
  anyLeft(): boolean;
}

/** All members of a process group, whatever became of its leader. */
export function processGroup(id: number): Processes {
  return {
    signal: (signal) => void send(-id, signal),
    anyLeft() {
      if (!send(-id, 0)) return false;
      // A zombie counts as a member until someone reaps it, which a first process without an init never does.
      const running = readProcesses();
      return running === undefined || running.some(({ group }) => group === id);
    },
  };
}

/** A process with all that descend from it; one whose parent ended before it was seen is not found. */
export function processTree(root: number): Processes {
  /** By their start as well, since a number is used again. */
  let known = new Map([[root, readProcess(String(root))[0]?.startedAt ?? '']]);
  const findRunning = (): number[] => {
    const running = readProcesses() ?? [];
    const left = new Map(
      running
        .filter(({ id, startedAt }) => known.get(id) === startedAt)
        .map(({ id, startedAt }) => [id, startedAt]),
    );
    for (let size = -1; size < left.size; ) {
      size = left.size;
      for (const { id, parent, startedAt } of running) if (left.has(parent)) left.set(id, startedAt);
    }
    known = left;
    return [...left.keys()];
  };
  return {
    signal(signal) {
      for (const id of findRunning()) send(id, signal);
    },
    anyLeft: () => findRunning().length > 0,
  };
}

/** Whether there was a process to send to. */
export function send(id: number, signal: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(id, signal);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

interface Running extends ProcStat {
  readonly id: number;
}

/** All processes but the zombies, from Linux' `/proc`; `undefined` without one. */
function readProcesses(): Running[] | undefined {
  try {
    return readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name))
      .flatMap(readProcess);
  } catch {
    return undefined;
  }
}

function readProcess(id: string): Running[] {
  try {
    const stat = readProcStat(id);
    return stat.state === 'Z' || stat.state === 'X' ? [] : [{ ...stat, id: Number(id) }];
  } catch {
    return [];
  }
}

/** Whether this process is in the foreground of its terminal; so it is taken to be where that cannot be told. */
export function inForeground(): boolean {
  try {
    const { group, foregroundGroup } = readProcStat('self');
    return group === foregroundGroup;
  } catch {
    return true;
  }
}
