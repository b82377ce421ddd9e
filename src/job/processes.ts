import { readdirSync, readFileSync } from 'node:fs';

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
  const known = new Set([root]);
  const findRunning = (): number[] => {
    const running = readProcesses() ?? [];
    for (let size = 0; size < known.size; ) {
      size = known.size;
      for (const { id, parent } of running) if (known.has(parent)) known.add(id);
    }
    return running.filter(({ id }) => known.has(id)).map(({ id }) => id);
  };
  return {
    signal(signal) {
      for (const id of new Set([root, ...findRunning()])) send(id, signal);
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

interface Running {
  readonly id: number;
  readonly parent: number;
  readonly group: number;
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
    // The name stands in parentheses and may hold anything: proc(5).
    const stat = readFileSync(`/proc/${id}/stat`, 'utf8');
    const [state, parent, group] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return state === 'Z' || state === 'X'
      ? []
      : [{ id: Number(id), parent: Number(parent), group: Number(group) }];
  } catch {
    return [];
  }
}
