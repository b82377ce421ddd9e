import type { MetricFamily, MetricType, Sample } from './family.js';
import { LineReader, TextFormatError } from './line-reader.js';

const TYPES: ReadonlySet<string> = new Set(['counter', 'gauge', 'histogram', 'summary', 'untyped']);

/** What is known of a family so far. */
interface FamilyHead {
  readonly name: string;
  help?: string;
  type?: MetricType;
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
  const families = new Map<string, FamilyHead>();
  const samples = new Map<FamilyHead, Sample[]>();
  readLines(text, families, (family, sample) => {
    const known = samples.get(family);
    if (known) known.push(sample);
    else samples.set(family, [sample]);
  });
  return [...families.values()].flatMap((family) => {
    const own = samples.get(family);
    return own ? [{ ...family, type: family.type ?? 'untyped', samples: own }] : [];
  });
}

/**
 * Reads a text as `parseFamilies` does, and keeps nothing: a large text's samples take many times its length.
 *
 * @param visit is told of each sample with its family's name and type.
 * @throws TextFormatError
 */
export function visitSamples(
  text: string,
  visit: (family: Pick<MetricFamily, 'name' | 'type'>, sample: Sample) => void,
): void {
  readLines(text, new Map(), ({ name, type = 'untyped' }, sample) => visit({ name, type }, sample));
}

const NAMED = /^[ \t]*(?:#[ \t]*(?:HELP|TYPE)[ \t]+)?([a-zA-Z_:][a-zA-Z0-9_:]*)/gm;

/** The names of all families of a text, and of their parts beside them, without reading the rest. */
export function namesIn(text: string): ReadonlySet<string> {
  const names = new Set<string>();
  for (const [, name = ''] of text.matchAll(NAMED)) names.add(name);
  return names;
}

type Visit = (family: FamilyHead, sample: Sample) => void;

/** Line by line, never all at once. */
function readLines(text: string, families: Map<string, FamilyHead>, visit: Visit): void {
  let line = 1;
  let at = 0;
  for (let end = text.indexOf('\n'); end >= 0; end = text.indexOf('\n', at), line++) {
    readLine(new LineReader(text.slice(at, end), line), families, visit);
    at = end + 1;
  }
  const last = text.slice(at);
  if (last.replace(/[ \t]+/, '') === '') return;
  readLine(new LineReader(last, line), families, visit);
  throw new TextFormatError(line, 'unexpected end of input: the last line has no newline');
}

function readLine(reader: LineReader, families: Map<string, FamilyHead>, visit: Visit): void {
  reader.skipBlanks();
  if (reader.atEnd()) return;
  if (reader.take('#')) readComment(reader, families);
  else readSample(reader, families, visit);
}

function readComment(reader: LineReader, families: Map<string, FamilyHead>): void {
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

function readSample(reader: LineReader, families: Map<string, FamilyHead>, visit: Visit): void {
  const name = reader.metricName();
  const family = familyFor(name, families);
  family.type ??= 'untyped';
  reader.skipBlanks();
  const labels = reader.take('{') ? reader.labels() : [];
  reader.skipBlanks();
  const value = reader.value();
  const timestampMs = reader.atEnd() ? undefined : reader.timestamp();
  visit(family, timestampMs === undefined ? { name, labels, value } : { name, labels, value, timestampMs });
}

/** A histogram's or summary's parts belong to its family; any other name is a family of its own. */
function familyFor(name: string, families: Map<string, FamilyHead>): FamilyHead {
  const known = families.get(name);
  if (known) return known;
  const compound = families.get(compoundName(name, (of) => families.get(of)?.type) ?? '');
  if (compound) return compound;
  const family: FamilyHead = { name };
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
