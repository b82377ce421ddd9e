// Runs in the browser. `scripts/page-script.mjs` makes it the text that the page carries.
import type { Labels } from '../../../exposition/family.js';
import { headline, isOfKind } from '../../../status/counts.js';
import { describeAge, describeLabels, describeName } from '../../../status/describe.js';
import { printable } from '../../../status/printable.js';
import { type JobRow, viewJobs } from '../../../status/view-jobs.js';
import { type PageOptions, type Refusal, readPageData } from '../page-data.js';
import { askToDelete } from './delete-group.js';
import { byId, element, foreign, placeAt, setText } from './dom.js';
import { createKindFilter } from './kinds.js';
import { createRow, type RowView } from './row.js';

const REFRESH_MS = 3000;
const options = JSON.parse(document.body.dataset.options ?? '') as PageOptions;
const filter = byId<HTMLInputElement>('filter');
const live = byId<HTMLInputElement>('live');
const summary = byId('summary');
const main = byId('groups');
const kinds = createKindFilter(draw);
const shown = new Map<string, RowView>();

let read = false;
/** How many groups the gateway holds, shown or not. */
let held = 0;
let refusals: readonly Refusal[] = [];
let nowSeconds = 0;
/** By key, in the order shown. */
let rows: ReadonlyMap<string, JobRow> = new Map();
/** What is searched of each row, made once a reading and only for a search. */
let texts = new Map<JobRow, string>();

const keyOfLabels = (labels: Labels): string => JSON.stringify([...labels].sort());
const keyOf = ({ view, group }: JobRow): string =>
  group ? keyOfLabels(group.labels) : `missing ${view.job}`;

async function refresh(): Promise<void> {
  const response = await fetch(location.pathname, { headers: { Accept: 'application/json' } }).catch(
    () => undefined,
  );
  if (!response?.ok) return say(response ? await response.text() : 'the gateway does not answer');
  const data = readPageData(await response.text());
  ({ refusals, nowSeconds } = data);
  read = true;
  held = data.groups.length;
  rows = new Map(viewJobs(data.groups, nowSeconds, options.selection).map((row) => [keyOf(row), row]));
  texts = new Map();
  draw();
}

function say(problem: string): void {
  summary.className = 'bad';
  setText(summary, printable(problem.trim()));
}

function draw(): void {
  if (!read) return;
  for (const [key, { box }] of shown) {
    if (rows.has(key)) continue;
    box.remove();
    shown.delete(key);
  }
  const refusalsByKey = new Map(
    [...refusals].reverse().map((refusal) => [keyOfLabels(refusal.labels), refusal]),
  );
  const sought = filter.value.toLowerCase();
  let visible = 0;
  for (const [index, [key, row]] of [...rows].entries()) {
    const isVisible = matches(row, sought);
    if (isVisible) visible += 1;
    place(index, key, row, isVisible, refusalsByKey.get(key));
  }
  drawHead(visible);
  drawHint();
  drawRefusals();
}

function drawHead(visible: number): void {
  const views = [...rows.values()].map(({ view }) => view);
  kinds.update(views);
  const filtered = filter.value !== '' || kinds.chosen() !== undefined;
  summary.className = filtered ? '' : 'hidden';
  setText(summary, filtered ? `${visible} of ${rows.size} shown` : headline(views));
  document.title = rows.size === 0 ? options.title : `${headline(views)} · ${options.title}`;
}

/** Puts a row at its place, without moving what is there already: what is open stays open. */
function place(
  index: number,
  key: string,
  row: JobRow,
  visible: boolean,
  refusal: Refusal | undefined,
): void {
  const view = shown.get(key) ?? createRow(row, options.readOnly ? undefined : remove);
  shown.set(key, view);
  view.box.hidden = !visible;
  view.update(row, row.view.problems.includes('push_refused') ? refusal : undefined, nowSeconds);
  placeAt(main, index, view.box);
}

function matches(row: JobRow, sought: string): boolean {
  const kind = kinds.chosen();
  if (kind && !isOfKind(row.view, kind)) return false;
  if (sought === '') return true;
  const text = texts.get(row) ?? textOf(row);
  texts.set(row, text);
  return text.includes(sought);
}

function textOf({ view, group }: JobRow): string {
  const labels = describeLabels({ job: view.job, ...view.labels });
  return `${describeName(view)} ${labels} ${JSON.stringify(group?.families ?? [])}`.toLowerCase();
}

function remove(row: JobRow): void {
  askToDelete(row, (failed) => {
    void refresh().then(() => {
      if (failed) say('the group was not deleted');
      filter.focus();
    });
  });
}

/** What to do if there is no row, below where rows would be. */
function drawHint(): void {
  document.body.classList.toggle('nothing', rows.size === 0);
  const box = byId('hint');
  box.hidden = rows.size > 0;
  const [said, command] =
    held === 0
      ? [
          'Nothing has been pushed yet. Run the sample job, or a job of your own: ',
          `npx prombatch run --gateway ${options.gateway ?? location.origin}`,
        ]
      : [
          `The gateway holds ${held} group${held === 1 ? '' : 's'}, and none is what --job and --grouping ask for.`,
          '',
        ];
  if (box.textContent !== said + command)
    box.replaceChildren(said, ...(command === '' ? [] : [element('code', {}, command)]));
}

/** The refused pushes of which no row tells: the newest of those that were not followed by one that was taken. */
function drawRefusals(): void {
  const lone = refusals.filter(({ labels, atSeconds }) => {
    const view = rows.get(keyOfLabels(labels))?.view;
    return !view?.problems.includes('push_refused') && (view?.lastPushSeconds ?? 0) < atSeconds;
  });
  const lines = lone.slice(0, 5).map(({ labels, atSeconds, status, message }) => {
    const { job = '', ...grouping } = Object.fromEntries(labels);
    return element(
      'p',
      {},
      'A push of ',
      foreign(describeName({ job, labels: grouping })),
      ` was refused ${describeAge(nowSeconds - atSeconds)} with ${status}: `,
      foreign(printable(message)),
    );
  });
  const box = byId('refusals');
  if (box.textContent !== lines.map((line) => line.textContent).join('')) box.replaceChildren(...lines);
}

filter.addEventListener('input', draw);
setInterval(() => {
  if (live.checked && !document.hidden) void refresh();
}, REFRESH_MS);
void refresh();
