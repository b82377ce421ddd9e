import { readFileSync } from 'node:fs';

/** A process as Linux' `/proc/<pid>/stat` has it, proc(5). */
export interface ProcStat {
  readonly state: string;
  readonly parent: number;
  readonly group: number;
  /** The process group in the foreground of its terminal. */
  readonly foregroundGroup: number;
  /** In ticks of the kernel's clock since the boot, as text: process ids are used again. */
  readonly startedAt: string;
}

/** @throws the system's error, if there is no such process or no `/proc`. */
export function readProcStat(pid: number | string): ProcStat {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  // The second field, in parentheses, may hold anything.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return {
    state: fields[0] ?? '',
    parent: Number(fields[1]),
    group: Number(fields[2]),
    foregroundGroup: Number(fields[5]),
    startedAt: fields[19] ?? '',
  };
}
