/** How the page looks, by day and by night. */
export const STYLE = `
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
