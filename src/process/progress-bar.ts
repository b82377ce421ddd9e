import { monotonicMs } from '../clock.js';
import type { Output } from './host.js';

const LONGEST_BAR = 40;
/** Often enough to be seen moving, and no burden for a job that reports every record. */
const REDRAW_MS = 100;

/** A progress bar on the last line of a terminal. */
export interface ProgressBar {
  update(done: number, total: number | undefined): void;
  /** Writes `text` above the bar. */
  print(text: string): void;
  clear(): void;
}

/** Draws on a terminal only; elsewhere text passes and the bar stays away. */
export function createProgressBar(output: Output, label: string, shown: boolean): ProgressBar {
  const active = shown && output.isTTY;
  let line = '';
  let drawnAt = Number.NEGATIVE_INFINITY;
  const erase = '\r\x1b[K';
  return {
    update(done, total) {
      const now = monotonicMs();
      if (!active || (now - drawnAt < REDRAW_MS && done !== total)) return;
      drawnAt = now;
      const next = barLine(label, done, total, output.columns());
      if (next === line) return;
      line = next;
      output.write(erase + line);
    },
    print: (text) => output.write(line === '' ? text : `${erase}${text}${line}`),
    clear() {
      if (line !== '') output.write(erase);
      line = '';
    },
  };
}

/** One line that fits the terminal; without a total only the count. */
export function barLine(label: string, done: number, total: number | undefined, columns: number): string {
  const count = total === undefined ? `${done}` : `${done}/${total}`;
  const room = Math.min(LONGEST_BAR, columns - label.length - count.length - 5);
  if (total === undefined || total <= 0 || room < 5)
    return `${label} ${count}`.slice(0, Math.max(0, columns - 1));
  const full = Math.round(room * Math.min(1, done / total));
  return `${label} [${'#'.repeat(full)}${'-'.repeat(room - full)}] ${count}`;
}
