import { existsSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { describeThrown, isSystemError } from '../../errors.js';
import { accumulate, isCumulative, withoutQuantiles } from '../../exposition/accumulate.js';
import type { Labels, MetricFamily } from '../../exposition/family.js';
import { parseFamilies } from '../../exposition/parse.js';
import { parseAppended } from '../../exposition/parse-appended.js';
import { writeFamilies } from '../../exposition/write.js';
import { writeDurably } from '../../files/durable-file.js';
import { fileName } from '../../files/file-name.js';
import { readRegularFile } from '../../files/regular-file.js';
import type { Log } from '../../log.js';
import { SUCCESS_FAMILY_NAMES } from '../../outcome/batch-metrics.js';
import { type GroupingKey, sortKey } from '../grouping-key.js';
import { PushError } from '../http/push-error.js';
import { lastToldBy, withToldSuccess } from '../push/late-entry.js';

export interface TextfileEntry {
  readonly key: GroupingKey;
  readonly outcome: readonly MetricFamily[];
  /** The job's own metrics in the text format. */
  readonly own: string;
  /** The job's own counts go on from what the file holds. */
  readonly accumulate: boolean;
}

/** A job's own label would be taken for that of the scrape. */
const JOB_LABEL = 'batch_job';
const FOLDER_HINT =
  'name a folder that can be written and that node_exporter reads (--collector.textfile.directory)';

/**
 * Writes a run's metrics for node_exporter's textfile collector, where machine-level jobs belong: to a file of the
 * job and its grouping labels, which every sample carries, at once and whole, readable by all. A run that failed
 * keeps the last success that the file has.
 *
 * @throws PushError with what to do.
 */
export function writeTextfile(folder: string, entry: TextfileEntry, warn: Log['warn']): void {
  const path = join(folder, textfileName(entry.key));
  try {
    const labels: Labels = [[JOB_LABEL, entry.key.job], ...entry.key.grouping];
    const held = existsSync(path) ? readHeld(path, labels, warn) : [];
    const names = new Set(entry.outcome.map(({ name }) => name));
    const kept = held.filter(({ name }) => SUCCESS_FAMILY_NAMES.includes(name) && !names.has(name));
    const own = parseFamilies(entry.own);
    const outcome = withToldSuccess(entry.outcome, lastToldBy(held), Date.now());
    const families = [...outcome, ...kept, ...(entry.accumulate ? goOn(held, own) : own)];
    writeDurably(path, writeFamilies(families.map((family) => withLabels(family, labels))), 0o644);
  } catch (error) {
    const system = isSystemError(error);
    const what = system ? '' : "the job's own metrics cannot stand in ";
    throw new PushError('TEXTFILE_FAILED', `${what}${path}: ${reasonOf(error)}`, {
      retryable: false,
      cause: error,
      ...(system ? { hint: FOLDER_HINT } : {}),
    });
  }
}

/** A system error without the name of the temporary file. */
function reasonOf(error: unknown): string {
  return describeThrown(error).replace(/, \w+ '[^']*\.tmp'.*$/s, '');
}

/** The run's metrics with their counts going on, and the counts that the run did not touch at all. */
function goOn(held: readonly MetricFamily[], own: readonly MetricFamily[]): MetricFamily[] {
  const names = new Set(own.map(({ name }) => name));
  const untouched = held.filter((family) => isCumulative(family) && !names.has(family.name));
  return [...accumulate(held, own), ...untouched.map(withoutQuantiles)];
}

/** `<job>,<name>=<value>.prom`, each part with percent escapes. */
export function textfileName(key: GroupingKey): string {
  const { job, grouping } = sortKey(key);
  // A separator in a part is escaped twice, so that no two jobs have one file.
  const escaped = (text: string): string => text.replace(/[%,=]/g, encodeURIComponent);
  const parts = [escaped(job), ...grouping.map(([name, value]) => `${name}=${escaped(value)}`)];
  return `${fileName(parts.join(',')).replaceAll('%2C', ',').replaceAll('%3D', '=')}.prom`;
}

/**
 * The file's families without the labels that it adds; what carries others, as in a file that was copied from another
 * job, is not this job's. A damaged file is set aside, and what can be read of it kept.
 */
function readHeld(path: string, added: Labels, warn: Log['warn']): MetricFamily[] {
  const isAdded = ([name, value]: Labels[number]): boolean =>
    added.some(([label, own]) => label === name && own === value);
  return readFamilies(path, warn)
    .map((family) => ({
      ...family,
      samples: family.samples
        .filter(({ labels }) => labels.filter(isAdded).length === added.length)
        .map((sample) => ({ ...sample, labels: sample.labels.filter((label) => !isAdded(label)) })),
    }))
    .filter(({ samples }) => samples.length > 0);
}

function readFamilies(path: string, warn: Log['warn']): readonly MetricFamily[] {
  let text = '';
  try {
    text = readRegularFile(path, { follow: false });
    return parseFamilies(text);
  } catch (error) {
    const aside = `${path}.damaged`;
    renameSync(path, aside);
    warn(`a damaged textfile was set aside: ${aside}: ${describeThrown(error)}`, {
      event: 'textfile_set_aside',
    });
    // A last line that was cut short may hold half a number.
    return parseAppended(text.slice(0, text.lastIndexOf('\n') + 1)).families;
  }
}

function withLabels(family: MetricFamily, labels: Labels): MetricFamily {
  const added = new Set(labels.map(([name]) => name));
  return {
    ...family,
    samples: family.samples.map((sample) => {
      const clash = sample.labels.find(([name]) => added.has(name));
      if (clash) throw new Error(`metric "${family.name}" has the label ${clash[0]}, which the file adds`);
      return { ...sample, labels: [...labels, ...sample.labels] };
    }),
  };
}
