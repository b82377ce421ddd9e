/**
 * The page at `/`: one document without anything from elsewhere, which reads `/api/v1/metrics` and shows it.
 * Every value reaches the document as text, never as markup.
 */
export function renderPage(): string {
  return `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex,nofollow">
<link rel="icon" href="data:,">
<title>prombatch gateway</title>
<style>${STYLE}</style>
</head>
<body>
<header>
  <h1>prombatch gateway</h1>
  <p id="summary" role="status">loading…</p>
  <label class="filter">Filter <input id="filter" type="search" placeholder="label, metric or value" autocomplete="off" spellcheck="false"></label>
  <label class="live"><input id="live" type="checkbox" checked> Live</label>
</header>
<main id="groups"></main>
<footer>An embedded Pushgateway for development and tests: it keeps everything in memory. <a href="/metrics">/metrics</a> <a href="/api/v1/metrics">/api/v1/metrics</a></footer>
<dialog id="confirm" aria-labelledby="question">
  <form method="dialog">
    <p id="question"></p>
    <p><button value="cancel" autofocus>Keep it</button> <button value="delete" class="danger">Delete the group</button></p>
  </form>
</dialog>
<noscript><p>This page needs JavaScript; <a href="/metrics">/metrics</a> does not.</p></noscript>
<script>${SCRIPT}</script>
</body>
</html>
`;
}

const STYLE = `
:root { color-scheme: light dark; --ink: #1d2430; --soft: #5b6675; --page: #f4f6f9; --card: #fff; --line: #dde2e9; --accent: #b8430f; --good: #17703c; --bad: #b3261e;  }
@media (prefers-color-scheme: dark) { :root { --ink: #e6eaf0; --soft: #9aa6b6; --page: #12161c; --card: #1b2129; --line: #2f3843; --accent: #ff9466; --good: #63cf8b; --bad: #ff8a80; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 68rem; padding: 1.5rem 1rem 3rem; background: var(--page); color: var(--ink); font: 15px/1.5 system-ui, sans-serif; }
header { display: flex; flex-wrap: wrap; gap: .5rem 1.25rem; align-items: baseline; margin-bottom: 1rem; }
h1 { font-size: 1.35rem; margin: 0; letter-spacing: -.01em; }
#summary { margin: 0; color: var(--soft); flex: 1; min-width: 12rem; }
input[type=search] { font: inherit; color: inherit; background: var(--card); border: 1px solid var(--line); border-radius: .4rem; padding: .3rem .6rem; width: 15rem; }
code, .labels, td { font-family: ui-monospace, "SFMono-Regular", Menlo, Consolas, monospace; font-size: .92em; }
.group { position: relative; background: var(--card); border: 1px solid var(--line); border-radius: .6rem; margin: .6rem 0; }
.group > button { position: absolute; top: .4rem; right: .8rem; }
summary { display: flex; flex-wrap: wrap; gap: .3rem .9rem; align-items: center; padding: .7rem 6.5rem .7rem .9rem; border-radius: .6rem; cursor: pointer; list-style: none; }
summary::-webkit-details-marker { display: none; }
summary::before { content: "▸"; color: var(--soft); }
details[open] > summary::before { content: "▾"; }
.labels { overflow-wrap: anywhere; flex: 1; min-width: 14rem; }
.labels b { color: var(--accent); font-weight: 600; }
.when { color: var(--soft); font-variant-numeric: tabular-nums; }
.state { font-weight: 600; }
.state.good { color: var(--good); } .state.bad { color: var(--bad); }
.body { border-top: 1px solid var(--line); padding: .3rem .9rem .9rem; }
section { padding: .5rem 0; border-bottom: 1px solid color-mix(in srgb, var(--line) 60%, transparent); }
section:last-child { border: 0; }
h2 { display: flex; flex-wrap: wrap; align-items: baseline; font-size: .95rem; margin: 0; font-family: ui-monospace, Menlo, Consolas, monospace; overflow-wrap: anywhere; }
h2 small { font: .8rem system-ui, sans-serif; color: var(--soft); border: 1px solid var(--line); border-radius: 1rem; padding: 0 .5rem; margin-left: .4rem; }
.help { margin: 0; color: var(--soft); font-size: .88rem; }
table { border-collapse: collapse; width: 100%; }
td { padding: .1rem .8rem .1rem 0; vertical-align: top; overflow-wrap: anywhere; }
tr:nth-child(even) { background: color-mix(in srgb, var(--line) 25%, transparent); }
td.value { text-align: right; width: 40%; padding-right: 0; }
.value { font-variant-numeric: tabular-nums; }
h2 .value { margin-left: auto; font-weight: 400; }
button { font: inherit; color: inherit; background: none; border: 1px solid var(--line); border-radius: .4rem; padding: .25rem .7rem; cursor: pointer; }
button.danger { color: var(--bad); border-color: currentColor; }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
.empty { background: var(--card); border: 1px dashed var(--line); border-radius: .6rem; padding: 2rem; text-align: center; color: var(--soft); }
dialog { color: var(--ink); background: var(--card); border: 1px solid var(--line); border-radius: .6rem; max-width: 34rem; }
dialog::backdrop { background: rgb(0 0 0 / .45); }
footer { margin-top: 1.5rem; color: var(--soft); font-size: .88rem; } a { color: var(--accent); }
`;

const SCRIPT = `
'use strict';
const REFRESH_MS = 3000;
const byId = (id) => document.getElementById(id);
const shown = new Map();
let groups = [];

function element(name, properties, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}

const quoted = (labels) => Object.entries(labels).sort().map(([name, value]) => name + '=' + JSON.stringify(value));
const keyOf = (group) => JSON.stringify(Object.entries(group.labels).sort());
const familiesOf = (group) => Object.entries(group).filter(([name, value]) => name !== 'labels' && name !== 'last_push_successful').sort(([a], [b]) => a < b ? -1 : 1);
const timeOf = (group, name) => Number(group[name].metrics[0].value);

function age(seconds) {
  if (seconds < 2) return 'just now';
  for (const [unit, size] of [['day', 86400], ['hour', 3600], ['minute', 60], ['second', 1]]) {
    const count = Math.floor(seconds / size);
    if (count > 0) return count + ' ' + unit + (count > 1 ? 's' : '') + ' ago';
  }
}

function ownLabels(metric, group) {
  return Object.fromEntries(Object.entries(metric.labels).filter(([name, value]) => !Object.hasOwn(group.labels, name) && !(name === 'instance' && value === '')));
}

function rows(metric, group) {
  const labels = ownLabels(metric, group);
  if (metric.value !== undefined) return [[quoted(labels).join(', '), metric.value]];
  const points = Object.entries(metric.buckets || metric.quantiles).sort(([a], [b]) => Number(a.replace('Inf', 'Infinity')) - Number(b.replace('Inf', 'Infinity')));
  const bound = metric.buckets ? 'le' : 'quantile';
  return points.map(([at, value]) => [quoted({ ...labels, [bound]: at }).join(', '), value])
    .concat([[quoted(labels).concat('sum').join(', '), metric.sum], [quoted(labels).concat('count').join(', '), metric.count]]);
}

function section(name, family, group) {
  const head = element('h2', {}, name, element('small', {}, family.type.toLowerCase()));
  const made = element('section', {}, head, element('p', { className: 'help' }, family.help || ''));
  const values = family.metrics.flatMap((metric) => rows(metric, group));
  if (values.length === 1 && values[0][0] === '') {
    head.append(element('span', { className: 'value' }, readable(name, values[0][1])));
    return made;
  }
  const table = element('table', {});
  table.setAttribute('aria-label', 'values of ' + name);
  for (const [labels, value] of values) {
    table.append(element('tr', {}, element('td', {}, labels), element('td', { className: 'value' }, readable(name, value))));
  }
  made.append(table);
  return made;
}

function readable(name, value) {
  const seconds = Number(value);
  return /timestamp_seconds$|^push_.*time_seconds$/.test(name) && seconds > 1e9
    ? new Date(seconds * 1000).toLocaleString() + ' · ' + seconds : value;
}

function create(group) {
  const labels = element('span', { className: 'labels' });
  quoted(group.labels).sort((a, b) => b.startsWith('job=') - a.startsWith('job=')).forEach((label, index) => {
    if (index > 0) labels.append(', ');
    labels.append(index === 0 ? element('b', {}, label) : label);
  });
  const when = element('time', { className: 'when' });
  const state = element('span', { className: 'state' });
  const body = element('div', { className: 'body' });
  const remove = element('button', { type: 'button', className: 'danger' }, 'Delete');
  remove.setAttribute('aria-label', 'Delete group ' + quoted(group.labels).join(', '));
  remove.addEventListener('click', () => ask(group));
  const details = element('details', {}, element('summary', {}, labels, when, state), body);
  details.addEventListener('toggle', () => update(shown.get(keyOf(group))));
  const box = element('div', { className: 'group' }, details, remove);
  return { box, details, when, state, body, group, content: '' };
}

function update(view) {
  if (!view) return;
  const { group } = view;
  const pushed = timeOf(group, 'push_time_seconds');
  view.when.textContent = pushed > 0 ? 'pushed ' + age(Date.now() / 1000 - pushed) : 'never pushed';
  if (pushed > 0) view.when.dateTime = view.when.title = new Date(pushed * 1000).toISOString();
  view.state.textContent = group.last_push_successful ? 'last push succeeded' : 'last push failed';
  view.state.className = 'state ' + (group.last_push_successful ? 'good' : 'bad');
  if (!view.details.open) return;
  const content = JSON.stringify(familiesOf(group));
  if (content === view.content) return;
  view.content = content;
  view.body.replaceChildren(...familiesOf(group).map(([name, family]) => section(name, family, group)));
}

function draw() {
  const wanted = byId('filter').value.toLowerCase();
  const main = byId('groups');
  const keys = new Set(groups.map(keyOf));
  for (const [key, view] of shown) if (!keys.has(key)) { view.box.remove(); shown.delete(key); }
  groups.forEach((group, index) => {
    const key = keyOf(group);
    const view = shown.get(key) || create(group);
    view.group = group;
    shown.set(key, view);
    if (main.children[index] !== view.box) main.insertBefore(view.box, main.children[index] || null);
    view.box.hidden = wanted !== '' && !(quoted(group.labels).join(' ') + JSON.stringify(group)).toLowerCase().includes(wanted);
    update(view);
  });
  const visible = [...shown.values()].filter((view) => !view.box.hidden).length;
  const count = (number) => number + (number === 1 ? ' group' : ' groups');
  byId('summary').textContent = wanted === '' ? count(groups.length) : visible + ' of ' + count(groups.length);
  const hint = document.querySelector('.empty');
  if (groups.length > 0) hint?.remove();
  else if (!hint) main.append(element('p', { className: 'empty' }, 'Nothing has been pushed yet. Push something: ', element('code', {}, 'npx prombatch run --gateway ' + location.origin)));
}

async function refresh() {
  const answer = await fetch('/api/v1/metrics').then((given) => given.json()).catch(() => undefined);
  if (!answer) {
    byId('summary').textContent = 'the gateway does not answer';
    return;
  }
  groups = answer.data.sort((a, b) => keyOf(a) < keyOf(b) ? -1 : 1);
  draw();
}

function ask(group) {
  const dialog = byId('confirm');
  byId('question').textContent = 'Delete the group {' + quoted(group.labels).join(', ') + '} and all of its metrics?';
  dialog.returnValue = 'cancel';
  dialog.onclose = async () => {
    if (dialog.returnValue !== 'delete') return;
    const answer = await fetch(pathOf(group.labels), { method: 'DELETE' }).catch(() => undefined);
    await refresh();
    if (!answer?.ok) byId('summary').textContent = 'the group was not deleted';
    byId('filter').focus();
  };
  dialog.showModal();
}

function pathOf({ job, ...labels }) {
  const encode = (value) => '@base64/' + (btoa(String.fromCharCode(...new TextEncoder().encode(value))).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '') || '=');
  return '/metrics/job' + encode(job) + Object.entries(labels).map(([name, value]) => '/' + name + encode(value)).join('');
}

byId('filter').addEventListener('input', draw);
setInterval(() => { if (byId('live').checked && !document.hidden) refresh(); }, REFRESH_MS);
refresh();
`;
