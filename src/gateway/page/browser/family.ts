import type { MetricFamily, Sample } from '../../../exposition/family.js';
import { formatValue } from '../../../exposition/write.js';
import { describeLabels, describeSpan } from '../../../status/describe.js';
import { printable } from '../../../status/printable.js';
import { element, foreign, formatTime } from './dom.js';

/** A family's name, type and values; its help on demand. */
export function createFamily(family: MetricFamily, helpOpen: boolean): HTMLElement {
  const { name, type, help = '' } = family;
  const head = element('h3', {}, foreign(printable(name)), ' ', element('small', {}, type));
  const made = element('section', {}, head);
  if (help !== '') made.append(createHelp(name, help, helpOpen, head));
  const rows = rowsOf(family);
  const [first] = rows;
  if (first && rows.length === 1 && first.label === '') {
    head.append(element('span', { className: 'value' }, readable(name, first.sample)));
    return made;
  }
  const table = element('table', {});
  table.setAttribute('aria-label', `values of ${printable(name)}`);
  for (const { label, sample } of rows) {
    const value = element('td', { className: 'value' }, readable(name, sample));
    table.append(element('tr', {}, element('td', {}, foreign(label)), value));
  }
  made.append(table);
  return made;
}

function createHelp(name: string, help: string, open: boolean, head: HTMLElement): HTMLElement {
  const text = element('p', { className: 'help', hidden: !open }, foreign(printable(help)));
  const button = element('button', { type: 'button', className: 'ask' }, '?');
  button.setAttribute('aria-label', `help of ${printable(name)}`);
  button.setAttribute('aria-expanded', String(open));
  button.addEventListener('click', () => {
    text.hidden = !text.hidden;
    button.setAttribute('aria-expanded', String(!text.hidden));
  });
  head.append(button);
  return text;
}

interface Row {
  readonly label: string;
  readonly sample: Sample;
}

/** The samples with what tells them apart; buckets and quantiles by their bound, which the API gives in any order. */
function rowsOf({ name, type, samples }: MetricFamily): Row[] {
  const bound = type === 'histogram' ? 'le' : type === 'summary' ? 'quantile' : undefined;
  const rows: Row[] = [];
  let points: Row[] = [];
  for (const sample of samples) {
    const part = sample.name.slice(name.length + 1);
    const labels = describeLabels(Object.fromEntries(sample.labels));
    if (bound !== undefined && part !== 'sum' && part !== 'count') {
      points.push({ label: labels, sample });
      continue;
    }
    points.sort((a, b) => boundOf(a.sample, bound) - boundOf(b.sample, bound));
    rows.push(...points, {
      label: bound === undefined ? labels : [labels, part].filter(Boolean).join(', '),
      sample,
    });
    points = [];
  }
  return rows;
}

function boundOf({ labels }: Sample, bound: string | undefined): number {
  return Number(labels.find(([name]) => name === bound)?.[1].replace('Inf', 'Infinity'));
}

/** A time as a date, a span in units that a person reads, each with the number itself. */
function readable(family: string, { name, value }: Sample): string {
  const text = formatValue(value);
  if (!Number.isFinite(value) || !family.endsWith('_seconds') || /_(?:bucket|count)$/.test(name)) return text;
  if (/timestamp_seconds$|^push_.*time_seconds$/.test(family))
    return value > 1e9 ? `${formatTime(value)} · ${text}` : text;
  const span = describeSpan(value);
  return span === `${text}s` ? span : `${span} · ${text}`;
}
