import { describeAge, describeJob, describeLabels, describeName } from '../../../status/describe.js';
import type { JobView } from '../../../status/job-view.js';
import { printable } from '../../../status/printable.js';
import type { JobRow } from '../../../status/view-jobs.js';
import type { Refusal } from '../page-data.js';
import { element, foreign, formatTime, setText } from './dom.js';
import { createFamilies } from './families.js';

/** A job's row; it stays while its content changes. */
export interface RowView {
  readonly box: HTMLElement;
  update(row: JobRow, refusal: Refusal | undefined, nowSeconds: number): void;
}

/** @param onDelete asked for the group; without it, the row can only be looked at. */
export function createRow(first: JobRow, onDelete: ((row: JobRow) => void) | undefined): RowView {
  let current = first;
  let refusal: Refusal | undefined;
  let nowSeconds = 0;
  const state = element('span', { className: 'state' });
  const cells = [
    createCell('last success'),
    createCell('due'),
    createCell('took'),
    createCell('records'),
  ] as const;
  const notes = element('span', { className: 'notes' });
  const push = element('p', { className: 'push' });
  const families = createFamilies();
  const body = element('div', { className: 'body' }, push, families.box);
  if (first.group && onDelete) body.append(createDelete(first, () => onDelete(current)));
  const summary = element(
    'summary',
    {},
    state,
    ' ',
    nameOf(first.view),
    ...cells.flatMap(({ box }) => [' ', box]),
    ' ',
    notes,
  );
  const details = element('details', {}, summary, body);
  const box = element('div', { className: 'group' }, details);

  /** Only an open row costs the work of its families. */
  const updateBody = (): void => {
    if (!details.open) return;
    setText(push, describePush(current.view, refusal, nowSeconds));
    families.update(current.group?.families ?? []);
  };
  details.addEventListener('toggle', updateBody);

  return {
    box,
    update(row, newRefusal, now) {
      current = row;
      refusal = newRefusal;
      nowSeconds = now;
      const { view } = row;
      const words = describeJob(view);
      const overdue = view.problems.includes('overdue');
      box.dataset.state = view.state;
      box.classList.toggle('wrong', view.problems.length > 0);
      if (view.state === 'no_batch_metrics') showPush(view, state, cells[0]);
      else {
        setText(state, words.state);
        cells[0].show(words.lastSuccess, { atSeconds: view.lastSuccessSeconds });
      }
      cells[1].show(words.due, { atSeconds: view.dueSeconds, bare: overdue });
      cells[2].show(words.duration);
      cells[3].show(words.records);
      cells[1].box.classList.toggle('bad', overdue);
      setText(
        notes,
        [...words.notes, ...(refusal ? [`it said: ${printable(refusal.message)}`] : [])].join('; '),
      );
      updateBody();
    },
  };
}

/** A group that says of no outcome shows what the Pushgateway's own page does: when the last push was, and whether it succeeded. */
function showPush(view: JobView, state: HTMLElement, cell: Cell): void {
  const pushed = view.lastPushAgeSeconds;
  setText(state, view.problems.includes('push_refused') ? 'last push failed' : 'last push succeeded');
  cell.show(pushed === undefined ? 'never pushed' : `pushed ${describeAge(pushed)}`, {
    atSeconds: view.lastPushSeconds,
    bare: true,
  });
}

interface Cell {
  readonly box: HTMLElement;
  /** @param bare the text says by itself what it is. */
  show(text: string, options?: { readonly atSeconds?: number | undefined; readonly bare?: boolean }): void;
}

/** A value with its name, which only a narrow screen and a screen reader need: a wide one has columns. */
function createCell(name: string): Cell {
  const key = element('span', { className: 'key' });
  const value = element('span', {});
  const box = element('span', { className: 'cell' }, key, value);
  return {
    box,
    show(text, { atSeconds, bare = false } = {}) {
      setText(key, bare || text === '' ? '' : `${name} `);
      setText(value, text);
      box.classList.toggle('empty', text === '');
      box.title = atSeconds === undefined ? '' : formatTime(atSeconds);
    },
  };
}

function nameOf({ job, labels }: JobView): HTMLElement {
  const name = element('span', { className: 'name' }, element('b', {}, foreign(printable(job))));
  for (const [label, value] of Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1)))
    name.append(' ', foreign(describeLabels({ [label]: value }), 'label'));
  return name;
}

function describePush(
  { lastPushAgeSeconds, problems }: JobView,
  refusal: Refusal | undefined,
  now: number,
): string {
  const last =
    lastPushAgeSeconds === undefined
      ? 'No push was taken yet.'
      : `Last push ${describeAge(lastPushAgeSeconds)}.`;
  if (!problems.includes('push_refused')) return lastPushAgeSeconds === undefined ? '' : last;
  return refusal
    ? `${last} A push was refused ${describeAge(now - refusal.atSeconds)} with ${refusal.status}.`
    : `${last} A push was refused since.`;
}

function createDelete({ view }: JobRow, onClick: () => void): HTMLElement {
  const button = element('button', { type: 'button', className: 'quiet' }, 'Delete this group…');
  button.setAttribute('aria-label', `Delete group ${describeName(view)}`);
  button.addEventListener('click', onClick);
  return element('p', { className: 'delete' }, button);
}
