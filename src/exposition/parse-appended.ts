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
  readonly refused: readonly RefusedLine[];
}

interface Line {
  readonly text: string;
  readonly number: number;
}

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
  const attempt = (lines: readonly Line[], read: (reader: LineReader) => void): void => {
    for (const { text: content, number } of lines) {
      try {
        if (content.includes('\uFFFD')) throw new TextFormatError(number, 'not UTF-8');
        read(new LineReader(content, number));
      } catch (error) {
        if (!(error instanceof TextFormatError)) throw error;
        refused.push({ line: number, problem: error.problem });
      }
    }
  };
  const lines = text
    .split('\n')
    .map((content, index) => ({ text: content.trim(), number: index + 1 }))
    .filter((line) => line.text !== '');

  const types = new Map<string, MetricType>();
  const helps = new Map<string, string>();
  attempt(
    lines.filter((line) => line.text.startsWith('#')),
    (reader) => readComment(reader, types, helps),
  );
  const samples = new Map<string, Map<string, Sample>>();
  attempt(
    lines.filter((line) => !line.text.startsWith('#')),
    (reader) => {
      const sample = readSample(reader);
      const family = familyOf(sample, types, reader);
      const problem = refuse(family, sample.labels);
      if (problem) throw reader.error(problem);
      const held = samples.get(family) ?? new Map<string, Sample>();
      held.set(identityOf(sample), sample);
      samples.set(family, held);
    },
  );
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
    refused: refused.sort((a, b) => a.line - b.line),
  };
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
  return JSON.stringify([name, ...[...labels].sort(([a], [b]) => (a < b ? -1 : 1))]);
}
