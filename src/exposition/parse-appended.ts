import type { Labels, MetricFamily, MetricType, Sample } from './family.js';
import { LineReader, TextFormatError } from './line-reader.js';
import { parseNumber } from './number.js';
import { compoundName, readType } from './parse.js';

/** A line that is left out, and why. `line` counts from 1. */
export interface RefusedLine {
  readonly line: number;
  readonly problem: string;
}

export interface AppendedFamilies {
  readonly families: readonly MetricFamily[];
  /** In the order of the lines. */
  readonly refused: readonly RefusedLine[];
  /** Whether there were so many bad lines that the rest was not read. */
  readonly givenUp: boolean;
}

/** A text with more bad lines than this is something else than metrics. */
export const MOST_REFUSED = 1000;

/**
 * The families of a text that was appended to line by line, as `echo 'rows 42' >> file` does it. Where the strict
 * parser ends at the first fault, this leaves a bad line out, and takes what a growing file brings along: HELP and
 * TYPE given again or after the samples, families in pieces, carriage returns, and a last line without a newline.
 * A sample given twice keeps its last value.
 *
 * @param refuse says why a family or a label must not be given, or nothing.
 */
export function parseAppended(
  text: string,
  refuse: (family: string, labels: Labels) => string | undefined = () => undefined,
): AppendedFamilies {
  const refused: RefusedLine[] = [];
  const types = new Map<string, MetricType>();
  const helps = new Map<string, string>();
  const samples = new Map<string, Map<string, Sample>>();

  const readAll = (kind: 'comments' | 'samples', read: (reader: LineReader) => void): void => {
    for (const { content, line } of linesOf(text, kind)) {
      if (refused.length > MOST_REFUSED) return;
      try {
        if (content.includes('\uFFFD')) throw new TextFormatError(line, 'not UTF-8');
        read(new LineReader(content, line));
      } catch (error) {
        if (!(error instanceof TextFormatError)) throw error;
        refused.push({ line, problem: error.problem });
      }
    }
  };
  // What a line without a TYPE before it belongs to may be told by one after it.
  readAll('comments', (reader) => readComment(reader, types, helps));
  readAll('samples', (reader) => {
    const sample = readSample(reader);
    const family = familyOf(sample, types, reader);
    const problem = refuse(family, sample.labels);
    if (problem) throw reader.error(problem);
    const held = samples.get(family) ?? new Map<string, Sample>();
    held.set(identityOf(sample), sample);
    samples.set(family, held);
  });
  return {
    families: [...samples].map(([name, held]) => {
      const help = helps.get(name);
      return {
        name,
        ...(help === undefined ? {} : { help }),
        type: types.get(name) ?? 'untyped',
        samples: [...held.values()],
      };
    }),
    refused: refused.slice(0, MOST_REFUSED).sort((a, b) => a.line - b.line),
    givenUp: refused.length > MOST_REFUSED,
  };
}

/** One line after another, never all at once: a file may be large. Empty lines are left out. */
function* linesOf(
  text: string,
  kind: 'comments' | 'samples',
): Generator<{ readonly content: string; readonly line: number }> {
  for (let at = 0, line = 1; at < text.length; line++) {
    const newline = text.indexOf('\n', at);
    const end = newline < 0 ? text.length : newline;
    const content = end === at ? '' : text.slice(at, end).trim();
    at = end + 1;
    if (content !== '' && content.startsWith('#') === (kind === 'comments')) yield { content, line };
  }
}

function readComment(reader: LineReader, types: Map<string, MetricType>, helps: Map<string, string>): void {
  reader.take('#');
  reader.skipBlanks();
  const keyword = reader.word();
  if (keyword !== 'HELP' && keyword !== 'TYPE') return;
  reader.skipBlanks();
  if (reader.atEnd()) return;
  const name = reader.metricName();
  if (!reader.atEnd() && !reader.atBlank()) throw reader.error(`invalid metric name in ${keyword}`);
  reader.skipBlanks();
  if (keyword === 'HELP') {
    helps.set(name, reader.helpText());
    return;
  }
  const type = readType(reader);
  const before = types.get(name);
  if (before !== undefined && before !== type) {
    throw reader.error(`metric "${name}" is a ${before} already, and cannot be a ${type} too`);
  }
  types.set(name, type);
}

function readSample(reader: LineReader): Sample {
  const name = reader.metricName();
  reader.skipBlanks();
  const labels = reader.take('{') ? reader.labels() : [];
  reader.skipBlanks();
  const value = reader.value();
  if (!reader.atEnd()) throw reader.error('expected no timestamp: the Pushgateway takes none');
  return { name, labels, value };
}

/** The family that a sample is part of, by its name and what has been declared. */
function familyOf(
  { name, labels }: Sample,
  types: ReadonlyMap<string, MetricType>,
  reader: LineReader,
): string {
  const own = types.get(name);
  if (own === undefined) {
    const compound = compoundName(name, (family) => types.get(family));
    if (compound === undefined) return name;
    if (name.endsWith('_bucket')) checkBound('le', labels, reader);
    return compound;
  }
  if (own === 'summary') checkBound('quantile', labels, reader);
  if (own === 'histogram') {
    throw reader.error(
      `metric "${name}" is a histogram: expected ${name}_bucket, ${name}_sum or ${name}_count`,
    );
  }
  return name;
}

function checkBound(label: string, labels: Labels, reader: LineReader): void {
  const value = labels.find(([name]) => name === label)?.[1];
  if (value === undefined || parseNumber(value) === undefined) {
    throw reader.error(`expected a label ${label} with a number`);
  }
}

function identityOf({ name, labels }: Sample): string {
  if (labels.length === 0) return name;
  return JSON.stringify([name, ...[...labels].sort(([a], [b]) => (a < b ? -1 : 1))]);
}
