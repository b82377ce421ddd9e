import type { Labels, MetricFamily, Sample } from './family.js';

/** The Content-Type of the text format 0.0.4. */
export const TEXT_FORMAT = 'text/plain; version=0.0.4; charset=utf-8';

/** The families in the Prometheus text format 0.0.4, each line ended by a newline; no families give ''. */
export function writeFamilies(families: readonly MetricFamily[]): string {
  return families.map(writeFamily).join('');
}

function writeFamily(family: MetricFamily): string {
  const help = !family.help ? '' : `# HELP ${family.name} ${escapeHelp(family.help)}\n`;
  return `${help}# TYPE ${family.name} ${family.type}\n${family.samples.map(writeSample).join('')}`;
}

function writeSample(sample: Sample): string {
  return `${sample.name}${writeLabels(sample.labels)} ${formatValue(sample.value)}\n`;
}

/** `{a="1",b="2"}` with values escaped as the text format asks; no labels give ''. */
export function writeLabels(labels: Labels): string {
  if (labels.length === 0) return '';
  return `{${labels.map(([name, value]) => `${name}="${escapeLabelValue(value)}"`).join(',')}}`;
}

/** A sample value as the text format spells it: `NaN`, `+Inf`, `-Inf`, else the shortest exact decimal. */
export function formatValue(value: number): string {
  if (value === Number.POSITIVE_INFINITY) return '+Inf';
  if (value === Number.NEGATIVE_INFINITY) return '-Inf';
  return Object.is(value, -0) ? '-0' : String(value);
}

function escapeHelp(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n');
}

function escapeLabelValue(value: string): string {
  return value.replaceAll('\\', '\\\\').replaceAll('\n', '\\n').replaceAll('"', '\\"');
}
