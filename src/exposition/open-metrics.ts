/** The last line of a text in OpenMetrics 1.0, and of no other. */
const EOF = '# EOF';
const METADATA = /^# (TYPE|HELP|UNIT) ([^ ]+) ?(.*)$/;
/** A sample up to its exemplar; a `#` inside of a label's value begins none. */
const EXEMPLAR = /^([^"{ ]*(?:\{(?:[^"}]|"(?:[^"\\]|\\.)*")*\})?(?: [^ #]+){1,2}) # \{.*$/;
/** The types that have the same meaning in the text format 0.0.4; the samples of any other stand there as untyped. */
const SAME_TYPES: ReadonlySet<string> = new Set(['counter', 'gauge', 'histogram', 'summary']);

/**
 * A text of OpenMetrics 1.0 in the text format 0.0.4, which the Pushgateway reads it as: a counter's family is named as
 * its samples are, with `_total`, and exemplars and units are left out. A line that cannot be read stays as it is, for
 * those who read it next, and so does a text of any other format.
 */
export function inTextFormat(text: string): string {
  const trimmed = text.trimEnd();
  if (trimmed !== EOF && !trimmed.endsWith(`\n${EOF}`)) return text;
  const lines = trimmed.split('\n').slice(0, -1);
  const types = new Map(
    lines.flatMap((line) => {
      const [, keyword, name = '', type = ''] = METADATA.exec(line) ?? [];
      return keyword === 'TYPE' ? [[name, type] as const] : [];
    }),
  );
  const familyOf = (name: string): string => (types.get(name) === 'counter' ? `${name}_total` : name);
  return lines
    .flatMap((line) => {
      if (!line.startsWith('#')) return [line.replace(EXEMPLAR, '$1')];
      const [, keyword, name = '', rest = ''] = METADATA.exec(line) ?? [];
      if (keyword === 'HELP') return [`# HELP ${familyOf(name)} ${rest.replaceAll('\\"', '"')}`];
      return keyword === 'TYPE' && SAME_TYPES.has(rest) ? [`# TYPE ${familyOf(name)} ${rest}`] : [];
    })
    .map((line) => `${line}\n`)
    .join('');
}
