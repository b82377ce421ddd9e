/** How the page looks, by day and by night. */
export const STYLE = `
:root { color-scheme: light dark; --ink: #1d2430; --soft: #5b6675; --page: #f4f6f9; --card: #fff; --line: #dde2e9; --accent: #b8430f; --good: #17703c; --bad: #b3261e; --run: #1b5fa8; --bad-ground: #fdf1f0; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6eaf0; --soft: #9aa6b6; --page: #12161c; --card: #1b2129; --line: #2f3843; --accent: #ff9466; --good: #63cf8b; --bad: #ff8a80; --run: #7db8ff; --bad-ground: #2a1d20; } }
* { box-sizing: border-box; }
[hidden] { display: none !important; }
body { margin: 0 auto; max-width: 74rem; padding: 1.5rem 1rem 3rem; background: var(--page); color: var(--ink); font: 15px/1.5 system-ui, sans-serif; }
header { display: flex; flex-wrap: wrap; gap: .6rem 1.25rem; align-items: center; margin-bottom: 1rem; }
h1 { font-size: 1.35rem; margin: 0; letter-spacing: -.01em; overflow-wrap: anywhere; }
#summary { margin: 0; color: var(--soft); min-width: 0; overflow-wrap: anywhere; }
#summary.bad { color: var(--bad); }
#summary.hidden, .cell .key { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
.filter { margin-left: auto; }
input[type=search] { font: inherit; color: inherit; background: var(--card); border: 1px solid var(--line); border-radius: .4rem; padding: .3rem .6rem; width: 16rem; max-width: 100%; }
button { font: inherit; color: inherit; background: none; border: 1px solid var(--line); border-radius: .4rem; padding: .25rem .7rem; cursor: pointer; }
button.danger { color: var(--bad); border-color: currentColor; }
button.quiet { color: var(--soft); font-size: .88rem; }
#kinds { flex-basis: 100%; display: flex; flex-wrap: wrap; gap: .4rem; }
#kinds button { background: var(--card); border-radius: 1rem; padding: .1rem .8rem; font-variant-numeric: tabular-nums; }
#kinds button[aria-pressed=true] { border-color: currentColor; box-shadow: inset 0 0 0 1px currentColor; }
.kind-failed, .kind-killed, .kind-overdue, .kind-missing, .kind-never_succeeded, .kind-push_refused, .kind-metrics_rejected { color: var(--bad); font-weight: 600; }
.kind-running { color: var(--run); } .kind-succeeded { color: var(--good); }
#refusals p { margin: .4rem 0; padding: .4rem .9rem; border-left: 3px solid var(--bad); background: var(--bad-ground); overflow-wrap: anywhere; }
code, .label, td, h3 { font-family: ui-monospace, "SFMono-Regular", Menlo, Consolas, monospace; font-size: .92em; }
.columns, details:not(.kind) > summary { display: grid; grid-template-columns: 10rem minmax(9rem, 1fr) 8.5rem 10.5rem 5rem 5.5rem; gap: 0 .9rem; align-items: baseline; }
.columns { padding: 0 .9rem 0 2rem; color: var(--soft); font-size: .82rem; }
.nothing .columns { display: none; }
.group { background: var(--card); border: 1px solid var(--line); border-radius: .5rem; margin: .35rem 0; content-visibility: auto; contain-intrinsic-size: auto 2.6rem; }
.group.wrong { border-left: 4px solid var(--bad); background: var(--bad-ground); }
summary { cursor: pointer; list-style: none; }
summary::-webkit-details-marker { display: none; }
details:not(.kind) > summary { position: relative; padding: .5rem .9rem .5rem 2rem; border-radius: .5rem; }
.group.wrong > details > summary { padding-left: calc(2rem - 3px); }
summary::before { content: "▸"; color: var(--soft); }
details:not(.kind) > summary::before { position: absolute; left: .9rem; top: .5rem; }
details[open] > summary::before { content: "▾"; }
.state { font-weight: 600; color: var(--good); }
.wrong .state { color: var(--ink); }
[data-state=failed] .state, [data-state=killed] .state, [data-state=missing] .state, .bad { color: var(--bad); }
[data-state=running] .state { color: var(--run); }
[data-state=no_batch_metrics] .state { color: var(--soft); font-weight: 400; }
[data-state=no_batch_metrics].wrong .state { color: var(--bad); }
.name { overflow-wrap: anywhere; } .label { color: var(--soft); }
.cell { font-variant-numeric: tabular-nums; overflow-wrap: anywhere; } .state { overflow-wrap: anywhere; } .cell.bad { font-weight: 600; }
.notes { grid-column: 2 / -1; font-size: .9rem; color: var(--soft); overflow-wrap: anywhere; } .notes:empty { display: none; }
.wrong .notes { color: var(--bad); }
.body { border-top: 1px solid var(--line); padding: .6rem .9rem .6rem 2rem; background: var(--card); border-radius: 0 0 .5rem .5rem; }
.push { margin: 0 0 .4rem; color: var(--soft); overflow-wrap: anywhere; } .push:empty { display: none; }
.kind > summary { padding: .25rem 0; font-weight: 600; }
.kind > summary::before { margin-right: .5rem; }
small { font: .8rem system-ui, sans-serif; color: var(--soft); border: 1px solid var(--line); border-radius: 1rem; padding: 0 .5rem; margin-left: .5rem; }
section { padding: .3rem 0 .3rem 1.1rem; border-bottom: 1px solid color-mix(in srgb, var(--line) 60%, transparent); }
section:last-child { border: 0; }
h3 { display: flex; flex-wrap: wrap; align-items: baseline; margin: 0; font-weight: 600; overflow-wrap: anywhere; }
button.ask { border-radius: 1rem; padding: 0 .5rem; margin-left: .4rem; color: var(--soft); font: .8rem system-ui, sans-serif; }
.help { margin: .1rem 0; color: var(--soft); font-size: .88rem; }
table { border-collapse: collapse; width: 100%; }
td { padding: .1rem .8rem .1rem 0; vertical-align: top; overflow-wrap: anywhere; }
tr:nth-child(even) { background: color-mix(in srgb, var(--line) 25%, transparent); }
td.value { text-align: right; width: 40%; padding-right: 0; }
.value { font-variant-numeric: tabular-nums; }
h3 .value { margin-left: auto; padding-left: .8rem; font-weight: 400; }
.delete { margin: .6rem 0 0; text-align: right; }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
.group :focus-visible { outline-offset: -3px; }
.empty-page { background: var(--card); border: 1px dashed var(--line); border-radius: .6rem; padding: 2rem; text-align: center; color: var(--soft); }
.empty-page code { display: block; margin-top: .6rem; color: var(--ink); overflow-wrap: anywhere; }
dialog { color: var(--ink); background: var(--card); border: 1px solid var(--line); border-radius: .6rem; max-width: 34rem; overflow-wrap: anywhere; }
dialog::backdrop { background: rgb(0 0 0 / .45); }
footer { margin-top: 1.5rem; color: var(--soft); font-size: .88rem; } a { color: var(--accent); }
@media (max-width: 56rem) {
  .columns { display: none; }
  details:not(.kind) > summary { display: flex; flex-wrap: wrap; gap: 0 .9rem; }
  .filter { margin-left: 0; } .name { flex: 1 1 60%; } .notes { flex-basis: 100%; }
  .cell { font-size: .9rem; } .cell:not(.bad) { color: var(--soft); } .cell.empty { display: none; }
  .cell .key { position: static; clip-path: none; width: auto; height: auto; }
}
`;
