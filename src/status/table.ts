import { headline } from './counts.js';
import { describeJob, type JobWords } from './describe.js';
import type { JobView } from './job-view.js';
import { textWidth } from './text-width.js';

export interface TableOptions {
  /** How many characters fit on a line. Nothing is cut: what does not fit goes on a line of its own. */
  readonly columns: number;
  readonly colours: boolean;
}

type Column = Exclude<keyof JobWords, 'notes'>;

const COLUMNS: readonly (readonly [column: Column, head: string])[] = [
  ['name', 'JOB'],
  ['state', 'OUTCOME'],
  ['lastSuccess', 'SUCCEEDED'],
  ['due', 'DUE'],
  ['duration', 'TOOK'],
  ['records', 'RECORDS'],
];
const NUMBERS: ReadonlySet<Column> = new Set(['duration', 'records']);
const GAP = '  ';

/** The jobs as a table for people: a headline, and a row each in the order given. */
export function formatTable(views: readonly JobView[], { columns, colours }: TableOptions): string {
  const paint = colours ? withColours : (_: unknown, text: string) => text;
  const title = paint(views.some(isWrong) ? 'bad' : 'title', headline(views));
  if (views.length === 0) return `${title}\n`;
  const jobs = views.map((view) => ({ view, words: describeJob(view) }));
  const shown = COLUMNS.filter(
    ([column]) => column === 'name' || jobs.some(({ words }) => words[column] !== ''),
  );
  const widths = widthsOf(
    shown,
    jobs.map(({ words }) => words),
    columns,
  );
  const line = (cells: Partial<JobWords>): string =>
    shown
      .map(([column]) => pad(cells[column] ?? '', widths.get(column) ?? 0, NUMBERS.has(column)))
      .join(GAP)
      .trimEnd();
  const lines = jobs.flatMap(({ view, words }) => {
    const fits = textWidth(words.name) <= (widths.get('name') ?? 0);
    const rows = fits ? [line(words)] : [words.name, line({ ...words, name: '' })];
    return [
      ...rows.map((row) => paint(toneOf(view), row)),
      ...words.notes.map((note) => paint(isWrong(view) ? 'bad' : 'soft', `${GAP}${note}`)),
    ];
  });
  return `${[title, '', paint('soft', line(Object.fromEntries(shown))), ...lines].join('\n')}\n`;
}

/** The column of names gets what the others leave; a name that is longer has a line of its own. */
function widthsOf(
  shown: typeof COLUMNS,
  rows: readonly JobWords[],
  columns: number,
): ReadonlyMap<Column, number> {
  const widths = new Map(
    shown.map(([column, head]) => [
      column,
      Math.max(head.length, ...rows.map((row) => textWidth(row[column]))),
    ]),
  );
  const others = [...widths].reduce(
    (sum, [column, width]) => (column === 'name' ? sum : sum + width + GAP.length),
    0,
  );
  return widths.set('name', Math.min(widths.get('name') ?? 0, Math.max(8, columns - others)));
}

function pad(text: string, width: number, right: boolean): string {
  const blanks = ' '.repeat(Math.max(0, width - textWidth(text)));
  return right ? blanks + text : text + blanks;
}

type Tone = 'title' | 'bad' | 'run' | 'plain' | 'soft';

function toneOf(view: JobView): Tone {
  if (isWrong(view)) return 'bad';
  return view.state === 'running' ? 'run' : 'plain';
}

function isWrong({ problems }: JobView): boolean {
  return problems.length > 0;
}

/** SGR codes: `styleText` of node:util is not in every Node that this runs on. */
const CODES: Readonly<Record<Tone, string>> = { title: '1', bad: '31', run: '36', plain: '', soft: '2' };

function withColours(tone: Tone, text: string): string {
  return CODES[tone] === '' ? text : `\x1b[${CODES[tone]}m${text}\x1b[0m`;
}
