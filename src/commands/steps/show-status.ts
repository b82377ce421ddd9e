import { setTimeout as wait } from 'node:timers/promises';
import { type Backlog, describeBacklog } from '../../delivery/spool/backlog.js';
import { PrombatchError } from '../../errors.js';
import type { GatewayGroup } from '../../exposition/api-groups.js';
import { type Log, logError } from '../../log.js';
import type { Host, Output } from '../../process/host.js';
import { countKinds } from '../../status/counts.js';
import { fitScreen } from '../../status/fit-screen.js';
import type { JobView } from '../../status/job-view.js';
import { formatTable } from '../../status/table.js';
import { type Selection, viewJobs } from '../../status/view-jobs.js';

/** What `status` shows of a gateway. */
export interface ShownStatus {
  /** The gateway's address, for people. */
  readonly gateway: string;
  /** @throws PushError */
  readGroups(): Promise<readonly GatewayGroup[]>;
  readonly selection: Selection;
  /** What waits and was set aside in this host's spool; `undefined` if there is none. */
  readonly readBacklog: () => HostBacklog | undefined;
}

export interface HostBacklog {
  /** The spool's folder. */
  readonly path: string;
  readonly gateways: readonly Backlog[];
}

const REDRAW_MS = 2000;

/** Prints how the jobs are; the exit code tells whether all is well. */
export async function showStatus(host: Host, _log: Log, json: boolean, shown: ShownStatus): Promise<number> {
  const views = await readViews(shown);
  host.stdout.write(format(host, json, shown, views));
  return views.some(({ problems }) => problems.length > 0) ? 1 : 0;
}

/** Prints it again and again until a signal, which a reading does not hold up. A reading that fails is told, and tried again. */
export async function watchStatus(host: Host, log: Log, json: boolean, shown: ShownStatus): Promise<number> {
  const stop = new AbortController();
  const stopped = host.untilStopped().then(() => stop.abort());
  const screen = host.stdout.isTTY && !json ? openScreen(host.stdout) : undefined;
  try {
    while (!stop.signal.aborted) {
      try {
        const views = await Promise.race([readViews(shown), stopped]);
        if (views) (screen ?? host.stdout).write(format(host, json, shown, views));
      } catch (error) {
        if (!(error instanceof PrombatchError)) throw error;
        logError(log, error);
      }
      await wait(REDRAW_MS, undefined, { signal: stop.signal }).catch(() => {});
    }
  } finally {
    screen?.close();
  }
  return 0;
}

const ENTER = '\x1b[?1049h';
const LEAVE = '\x1b[?1049l';
const CLEAR = '\x1b[H\x1b[2J';

/**
 * A terminal's other screen, from the first writing on: what the terminal held stays. Each writing takes the place of the
 * one before, and shows its first lines; the last stays when it is closed.
 */
function openScreen(output: Output): { write(text: string): void; close(): void } {
  let last: string | undefined;
  return {
    write(text) {
      const fitting = fitScreen(text, output.rows(), output.columns());
      output.write((last === undefined ? ENTER : '') + CLEAR + fitting);
      last = fitting;
    },
    close() {
      if (last !== undefined) output.write(LEAVE + last);
    },
  };
}

async function readViews({ readGroups, selection }: ShownStatus): Promise<JobView[]> {
  const groups = await readGroups();
  return viewJobs(groups, Date.now() / 1000, selection).map(({ view }) => view);
}

function format(
  host: Host,
  json: boolean,
  { gateway, readBacklog }: ShownStatus,
  views: readonly JobView[],
): string {
  const spool = readBacklog();
  if (json) {
    const counts = Object.fromEntries(countKinds(views).map(({ kind, count }) => [kind, count]));
    const time = new Date().toISOString();
    return `${JSON.stringify({ gateway, time, counts, jobs: views, ...(spool ? { spool } : {}) })}\n`;
  }
  const { isTTY } = host.stdout;
  const table = formatTable(views, {
    columns: isTTY ? host.stdout.columns() : Number.POSITIVE_INFINITY,
    colours: isTTY && !host.env.NO_COLOR,
  });
  return table + formatBacklog(spool);
}

function formatBacklog(spool: HostBacklog | undefined): string {
  const lines = spool ? describeBacklog(spool.gateways, Date.now() / 1000) : [];
  if (!spool || lines.length === 0) return '';
  return `\nin the spool of this host, ${spool.path}:\n${lines.map((line) => `  ${line}\n`).join('')}`;
}
