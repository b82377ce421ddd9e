import type { MetricFamily, MetricType, Sample } from './family.js';
import { LineReader, TextFormatError } from './line-reader.js';

const TYPES: ReadonlySet<string> = new Set(['counter', 'gauge', 'histogram', 'summary', 'untyped']);

interface OpenFamily {
  readonly name: string;
  help?: string;
  type?: MetricType;
  readonly samples: Sample[];
}

/**
 * The families of a text in the Prometheus text format 0.0.4, in the order of their first mention; families
 * without samples are left out, as the Pushgateway leaves them out. As strict as the Pushgateway's own parser:
 * a missing last newline, a blank after a value, a second TYPE or HELP line, or a TYPE line after samples is an
 * error.
 *
 * @throws TextFormatError with the number of the line, counted from 1.
 */
export function parseFamilies(text: string): MetricFamily[] {
  const families = new Map<string, OpenFamily>();
  const lines = text.split('\n');
  const last = lines.pop();
  lines.forEach((content, index) => {
    readLine(new LineReader(content, index + 1), families);
  });
  if (last?.replace(/[ \t]+/, '')) {
    readLine(new LineReader(last, lines.length + 1), families);
    throw new TextFormatError(lines.length + 1, 'unexpected end of input: the last line has no newline');
  }
  return [...families.values()]
    .filter((family) => family.samples.length > 0)
    .map(({ type = 'untyped', ...rest }) => ({ ...rest, type }));
}

function readLine(reader: LineReader, families: Map<string, OpenFamily>): void {
  reader.skipBlanks();
  if (reader.atEnd()) return;
  if (reader.take('#')) readComment(reader, families);
  else readSample(reader, families);
}

function readComment(reader: LineReader, families: Map<string, OpenFamily>): void {
  reader.skipBlanks();
  const keyword = reader.word();
  if (keyword !== 'HELP' && keyword !== 'TYPE') return;
  reader.skipBlanks();
  if (reader.atEnd()) return;
  const family = familyFor(reader.metricName(), families);
  if (!reader.atEnd() && !reader.atBlank()) throw reader.error(`invalid metric name in ${keyword}`);
  reader.skipBlanks();
  if (reader.atEnd()) return;
  if (keyword === 'HELP') {
    if (family.help !== undefined) throw reader.error(`second HELP line for metric name "${family.name}"`);
    family.help = reader.helpText();
    return;
  }
  // A sample without a TYPE line before it has made its family an untyped one.
  if (family.type !== undefined) {
    throw reader.error(`second TYPE line for metric name "${family.name}", or TYPE reported after samples`);
  }
  family.type = readType(reader);
}

/** The rest of a TYPE line. */
export function readType(reader: LineReader): MetricType {
  const type = reader.rest();
  if (!TYPES.has(type.toLowerCase())) throw reader.error(`unknown metric type "${type}"`);
  return type.toLowerCase() as MetricType;
}

function readSample(reader: LineReader, families: Map<string, OpenFamily>): void {
  const name = reader.metricName();
  const family = familyFor(name, families);
  family.type ??= 'untyped';
  reader.skipBlanks();
  const labels = reader.take('{') ? reader.labels() : [];
  reader.skipBlanks();
  const value = reader.value();
  const timestampMs = reader.atEnd() ? undefined : reader.timestamp();
  family.samples.push({ name, labels, value, ...(timestampMs === undefined ? {} : { timestampMs }) });
}

/** A histogram's or summary's parts belong to its family; any other name is a family of its own. */
function familyFor(name: string, families: Map<string, OpenFamily>): OpenFamily {
  const known = families.get(name);
  if (known) return known;
  const compound = families.get(compoundName(name, (of) => families.get(of)?.type) ?? '');
  if (compound) return compound;
  const family: OpenFamily = { name, samples: [] };
  families.set(name, family);
  return family;
}

/** The histogram or summary that a sample of this name is a part of. */
export function compoundName(
  name: string,
  typeOf: (family: string) => MetricType | undefined,
): string | undefined {
  for (const suffix of ['_count', '_sum', '_bucket']) {
    if (!name.endsWith(suffix)) continue;
    const family = name.slice(0, -suffix.length);
    const type = typeOf(family);
    if (type === 'histogram' || (type === 'summary' && suffix !== '_bucket')) return family;
  }
  return undefined;
}
