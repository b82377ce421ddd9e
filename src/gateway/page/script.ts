// Runs in the browser. `scripts/page-script.mjs` makes it the text that the page carries.

type Labels = Readonly<Record<string, string>>;

interface Metric {
  readonly labels: Labels;
  readonly value?: string;
  readonly buckets?: Readonly<Record<string, string>>;
  readonly quantiles?: Readonly<Record<string, string>>;
  readonly sum?: string;
  readonly count?: string;
}

interface Family {
  readonly type: string;
  readonly help?: string;
  readonly metrics: readonly Metric[];
}

/** A group of `/api/v1/metrics`, with its families taken apart from what else it says. */
interface Group {
  readonly labels: Labels;
  readonly lastPushSucceeded: boolean;
  readonly families: readonly (readonly [name: string, family: Family])[];
}

/** What the page shows of a group; it stays while the group's content changes. */
interface View {
  readonly box: HTMLElement;
  readonly details: HTMLDetailsElement;
  readonly when: HTMLTimeElement;
  readonly state: HTMLElement;
  readonly body: HTMLElement;
  group: Group;
  content: string;
}

const REFRESH_MS = 3000;
const shown = new Map<string, View>();
let groups: readonly Group[] = [];

function byId<T extends HTMLElement>(id: string): T {
  const found = document.getElementById(id);
  if (!found) throw new Error(`the page has no ${id}`);
  return found as T;
}
const filter = byId<HTMLInputElement>('filter');
const live = byId<HTMLInputElement>('live');
const summary = byId('summary');
const main = byId('groups');
const dialog = byId<HTMLDialogElement>('confirm');

/** Every value reaches the document as text, never as markup. */
function element<N extends keyof HTMLElementTagNameMap>(
  name: N,
  properties: Partial<HTMLElementTagNameMap[N]>,
  ...children: (Node | string)[]
): HTMLElementTagNameMap[N] {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}

function readGroup(given: Record<string, unknown>): Group {
  const { labels, last_push_successful: succeeded, ...families } = given;
  return {
    labels: labels as Labels,
    lastPushSucceeded: succeeded === true,
    families: Object.entries(families as Record<string, Family>).sort(([a], [b]) => (a < b ? -1 : 1)),
  };
}

const quoted = (labels: Labels): string[] =>
  Object.entries(labels)
    .sort()
    .map(([name, value]) => `${name}=${JSON.stringify(value)}`);
const keyOf = (group: Group): string => JSON.stringify(Object.entries(group.labels).sort());

/** A single value of a group's family, or 0. */
function singleValue({ families }: Group, name: string): number {
  return Number(families.find(([family]) => family === name)?.[1].metrics[0]?.value ?? 0);
}

function age(seconds: number): string {
  const units = [
    ['day', 86400],
    ['hour', 3600],
    ['minute', 60],
    ['second', 1],
  ] as const;
  if (seconds < 2) return 'just now';
  const [unit, size] = units.find(([, length]) => seconds >= length) ?? ['second', 1];
  const count = Math.floor(seconds / size);
  return `${count} ${unit}${count > 1 ? 's' : ''} ago`;
}

function ownLabels(metric: Metric, group: Group): Labels {
  return Object.fromEntries(
    Object.entries(metric.labels).filter(
      ([name, value]) => !Object.hasOwn(group.labels, name) && !(name === 'instance' && value === ''),
    ),
  );
}

const toNumber = (text: string): number => Number(text.replace('Inf', 'Infinity'));

/** The samples of a metric: their own labels, and their values. */
function rows(metric: Metric, group: Group): (readonly [labels: string, value: string])[] {
  const labels = ownLabels(metric, group);
  if (metric.value !== undefined) return [[quoted(labels).join(', '), metric.value]];
  const bound = metric.buckets ? 'le' : 'quantile';
  const points = Object.entries(metric.buckets ?? metric.quantiles ?? {})
    .sort(([a], [b]) => toNumber(a) - toNumber(b))
    .map(([at, value]) => [quoted({ ...labels, [bound]: at }).join(', '), value] as const);
  const total = (name: 'sum' | 'count') =>
    [[...quoted(labels), name].join(', '), metric[name] ?? ''] as const;
  return [...points, total('sum'), total('count')];
}

function readable(name: string, value: string): string {
  const seconds = Number(value);
  return /timestamp_seconds$|^push_.*time_seconds$/.test(name) && seconds > 1e9
    ? `${new Date(seconds * 1000).toLocaleString()} · ${seconds}`
    : value;
}

function section(name: string, family: Family, group: Group): HTMLElement {
  const head = element('h2', {}, name, element('small', {}, family.type.toLowerCase()));
  const made = element('section', {}, head, element('p', { className: 'help' }, family.help ?? ''));
  const values = family.metrics.flatMap((metric) => rows(metric, group));
  const [first] = values;
  if (first && values.length === 1 && first[0] === '') {
    head.append(element('span', { className: 'value' }, readable(name, first[1])));
    return made;
  }
  const table = element('table', {});
  table.setAttribute('aria-label', `values of ${name}`);
  for (const [labels, value] of values) {
    const shownValue = element('td', { className: 'value' }, readable(name, value));
    table.append(element('tr', {}, element('td', {}, labels), shownValue));
  }
  made.append(table);
  return made;
}

/** The labels with the job first. */
function labelsOf(group: Group): HTMLElement {
  const labels = element('span', { className: 'labels' });
  const isJob = (label: string): number => (label.startsWith('job=') ? 1 : 0);
  const sorted = quoted(group.labels).sort((a, b) => isJob(b) - isJob(a));
  for (const [index, label] of sorted.entries()) {
    if (index > 0) labels.append(', ');
    labels.append(index === 0 ? element('b', {}, label) : label);
  }
  return labels;
}

function create(group: Group): View {
  const when = element('time', { className: 'when' });
  const state = element('span', { className: 'state' });
  const body = element('div', { className: 'body' });
  const remove = element('button', { type: 'button', className: 'danger' }, 'Delete');
  remove.setAttribute('aria-label', `Delete group ${quoted(group.labels).join(', ')}`);
  remove.addEventListener('click', () => ask(group));
  const details = element('details', {}, element('summary', {}, labelsOf(group), when, state), body);
  details.addEventListener('toggle', () => update(shown.get(keyOf(group))));
  const box = element('div', { className: 'group' }, details, remove);
  return { box, details, when, state, body, group, content: '' };
}

function update(view: View | undefined): void {
  if (!view) return;
  const { group } = view;
  const pushed = singleValue(group, 'push_time_seconds');
  view.when.textContent = pushed > 0 ? `pushed ${age(Date.now() / 1000 - pushed)}` : 'never pushed';
  if (pushed > 0) view.when.dateTime = view.when.title = new Date(pushed * 1000).toISOString();
  view.state.textContent = group.lastPushSucceeded ? 'last push succeeded' : 'last push failed';
  view.state.className = `state ${group.lastPushSucceeded ? 'good' : 'bad'}`;
  if (!view.details.open) return;
  const content = JSON.stringify(group.families);
  if (content === view.content) return;
  view.content = content;
  view.body.replaceChildren(...group.families.map(([name, family]) => section(name, family, group)));
}

function draw(): void {
  const keys = new Set(groups.map(keyOf));
  for (const [key, view] of shown) {
    if (keys.has(key)) continue;
    view.box.remove();
    shown.delete(key);
  }
  const sought = filter.value.toLowerCase();
  for (const [index, group] of groups.entries()) place(index, group, sought);
  const visible = [...shown.values()].filter((view) => !view.box.hidden).length;
  const count = (number: number): string => `${number} ${number === 1 ? 'group' : 'groups'}`;
  summary.textContent = sought === '' ? count(groups.length) : `${visible} of ${count(groups.length)}`;
  drawHint();
}

/** Shows a group at its place, without moving what is there already: the focus stays where it is. */
function place(index: number, group: Group, sought: string): void {
  const key = keyOf(group);
  const view = shown.get(key) ?? create(group);
  view.group = group;
  shown.set(key, view);
  const at = main.children[index] ?? null;
  if (at !== view.box) main.insertBefore(view.box, at);
  const text = quoted(group.labels).join(' ') + JSON.stringify(group);
  view.box.hidden = sought !== '' && !text.toLowerCase().includes(sought);
  update(view);
}

function drawHint(): void {
  const hint = document.querySelector('.empty');
  if (groups.length > 0) hint?.remove();
  else if (!hint) {
    const command = element('code', {}, `npx prombatch run --gateway ${location.origin}`);
    main.append(
      element('p', { className: 'empty' }, 'Nothing has been pushed yet. Push something: ', command),
    );
  }
}

async function refresh(): Promise<void> {
  const response = await fetch('/api/v1/metrics')
    .then((given) => given.json() as Promise<{ data: Record<string, unknown>[] }>)
    .catch(() => undefined);
  if (!response) {
    summary.textContent = 'the gateway does not answer';
    return;
  }
  groups = response.data.map(readGroup).sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1));
  draw();
}

function ask(group: Group): void {
  const question = `Delete the group {${quoted(group.labels).join(', ')}} and all of its metrics?`;
  byId('question').textContent = question;
  dialog.returnValue = 'cancel';
  dialog.onclose = async () => {
    if (dialog.returnValue !== 'delete') return;
    const response = await fetch(pathOf(group.labels), { method: 'DELETE' }).catch(() => undefined);
    await refresh();
    if (!response?.ok) summary.textContent = 'the group was not deleted';
    filter.focus();
  };
  dialog.showModal();
}

function pathOf({ job = '', ...labels }: Labels): string {
  const encode = (value: string): string => {
    const base64 = btoa(String.fromCharCode(...new TextEncoder().encode(value)));
    return `@base64/${base64.replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '') || '='}`;
  };
  const rest = Object.entries(labels).map(([name, value]) => `/${name}${encode(value)}`);
  return `/metrics/job${encode(job)}${rest.join('')}`;
}

filter.addEventListener('input', draw);
setInterval(() => {
  if (live.checked && !document.hidden) void refresh();
}, REFRESH_MS);
void refresh();
