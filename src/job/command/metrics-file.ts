import { closeSync, mkdtempSync, openSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Labels, MetricFamily } from '../../exposition/family.js';
import type { MetricsSource } from '../../exposition/metrics-source.js';
import { MOST_REFUSED, parseAppended } from '../../exposition/parse-appended.js';
import { type Reserved, whyFamilyReserved, whyLabelReserved } from '../../exposition/reserved.js';
import { writeFamilies } from '../../exposition/write.js';
import { NoRegularFile, readRegularFile } from '../../files/regular-file.js';
import { BATCH_FAMILY_NAMES } from '../../outcome/batch-metrics.js';

/** The file that a command appends its own metrics to, and what it holds as a source of metrics. */
export interface MetricsFile extends MetricsSource {
  /** For `PROMBATCH_METRICS_FILE`. */
  readonly path: string;
  /** Reads the file for the last time and removes it; `metrics()` then stays what it was. */
  close(): MetricsFileReading;
}

export interface MetricsFileReading {
  /** From a `batch_job_records_processed` in the file. */
  readonly recordsProcessed?: number;
  /** What was left out, and why. */
  readonly problems: readonly string[];
  /** Whether something was there and could not be read. */
  readonly rejected: boolean;
}

/** What is read of a file in one go, so that a huge one cannot keep the run's outcome waiting. */
export const METRICS_FILE_LIMIT = 16 * 2 ** 20;

const RECORDS = 'batch_job_records_processed';
/** Debian's and Kubernetes' writable memory, for a container whose root is read-only. */
const OTHER_FOLDER = '/dev/shm';

/**
 * Makes a fresh file that only its owner can read and write. Where none can be made, the path is `/dev/null`: the
 * command can write all the same, and the reading says what was lost.
 *
 * @param groupLabels with their values, `job` among them: a sample must not carry them.
 */
export function openMetricsFile(groupLabels: ReadonlyMap<string, string>): MetricsFile {
  const reserved: Reserved = { families: BATCH_FAMILY_NAMES, labels: groupLabels };
  const folder = makeFolder();
  const path = folder === undefined ? '/dev/null' : join(folder, 'metrics.prom');
  let last: string | undefined;

  const refuse = (family: string, labels: Labels): string | undefined => {
    if (family === RECORDS && labels.length === 0) return undefined;
    return whyFamilyReserved(family, reserved) ?? whyLabelReserved(family, labels, reserved);
  };
  const read = (text: string) => {
    const { families, refused, givenUp } = parseAppended(text, refuse);
    return { own: families.filter(({ name }) => name !== RECORDS), families, refused, givenUp };
  };

  return {
    path,
    metrics() {
      if (last !== undefined || folder === undefined) return last ?? '';
      const text = readText(path);
      // The last line may be in the middle of being written.
      return writeFamilies(read(text.slice(0, text.lastIndexOf('\n') + 1)).own);
    },
    close() {
      if (folder === undefined)
        return {
          problems: [`no file could be made for them in ${tmpdir()} or ${OTHER_FOLDER}`],
          rejected: false,
        };
      try {
        const { own, families, refused, givenUp } = read(readText(path));
        last = writeFamilies(own);
        const problems = refused.map(({ line, problem }) => `line ${line}: ${problem}`);
        if (givenUp) problems.unshift(`more than ${MOST_REFUSED} bad lines: the rest was not read`);
        return { ...recordsIn(families), problems, rejected: problems.length > 0 };
      } catch (error) {
        if (!(error instanceof UnreadableFile)) throw error;
        last = '';
        return { problems: [error.message], rejected: !error.missing };
      } finally {
        remove(folder);
      }
    },
  };
}

class UnreadableFile extends Error {
  readonly missing: boolean;

  constructor(message: string, { missing = false } = {}) {
    super(message);
    this.missing = missing;
  }
}

function makeFolder(): string | undefined {
  for (const parent of [tmpdir(), OTHER_FOLDER]) {
    try {
      const folder = mkdtempSync(join(parent, 'prombatch-'));
      closeSync(openSync(join(folder, 'metrics.prom'), 'wx', 0o600));
      return folder;
    } catch {}
  }
  return undefined;
}

/** A link is not followed, since the command may have less rights than prombatch. */
function readText(path: string): string {
  try {
    return readRegularFile(path, { follow: false, limit: METRICS_FILE_LIMIT });
  } catch (error) {
    if (error instanceof NoRegularFile) throw new UnreadableFile(error.message);
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') throw new UnreadableFile('the command removed the file', { missing: true });
    throw new UnreadableFile(code === 'ELOOP' ? 'expected a file, got a link' : `cannot be read: ${code}`);
  }
}

function recordsIn(families: readonly MetricFamily[]): { recordsProcessed?: number } {
  const value = families.find(({ name }) => name === RECORDS)?.samples[0]?.value;
  return value === undefined ? {} : { recordsProcessed: value };
}

function remove(folder: string): void {
  try {
    rmSync(folder, { recursive: true, force: true });
  } catch {}
}
