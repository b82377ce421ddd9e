import { createHash } from 'node:crypto';
import type { PageOptions } from './page-data.js';
import { SCRIPT } from './script.generated.js';
import { STYLE } from './style.js';

/**
 * The page of jobs at `/`: one document without anything from elsewhere, which asks its own address for JSON (`PageData`)
 * and shows it. Every value reaches the document as text, never as markup.
 */
export function renderPage(options: PageOptions): string {
  return `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex,nofollow">
<link rel="icon" href="data:,">
<title>${escapeMarkup(options.title)}</title>
<style>${STYLE}</style>
</head>
<body data-options="${escapeMarkup(JSON.stringify(options))}">
<header>
  <h1>${escapeMarkup(options.title)}</h1>
  <p id="summary" role="status">loading…</p>
  <label class="filter">Filter <input id="filter" type="search" placeholder="job, label, metric or value" autocomplete="off" spellcheck="false"></label>
  <label class="live"><input id="live" type="checkbox" checked> Live</label>
  <div id="kinds" role="group" aria-label="Show only"></div>
</header>
<div id="refusals"></div>
<div class="columns" aria-hidden="true"><span>outcome</span><span>job</span><span>last success</span><span>due</span><span>took</span><span>records</span></div>
<main id="groups"></main>
<p id="hint" class="empty-page" hidden></p>
<footer>${escapeMarkup(options.footer)}${options.readOnly ? '' : ' <a href="/metrics">/metrics</a> <a href="/api/v1/metrics">/api/v1/metrics</a>'}</footer>
<dialog id="confirm" aria-labelledby="question">
  <form method="dialog">
    <p id="question"></p>
    <p><button value="cancel" autofocus>Keep it</button> <button value="delete" class="danger">Delete the group</button></p>
  </form>
</dialog>
<noscript><p>This page needs JavaScript.</p></noscript>
<script>${SCRIPT}</script>
</body>
</html>
`;
}

/** The page needs nothing from elsewhere, and nothing runs in it that is not its own. */
export const PAGE_HEADERS = {
  'Content-Security-Policy': [
    "default-src 'none'",
    `script-src ${hashOf(SCRIPT)}`,
    `style-src ${hashOf(STYLE)}`,
    "connect-src 'self'",
    'img-src data:',
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; '),
  'Cache-Control': 'no-store',
  'Referrer-Policy': 'no-referrer',
};

/** Whether a request to the page's address asks for its data. */
export function asksForData(accept: string | undefined): boolean {
  return accept === 'application/json';
}

function hashOf(text: string): string {
  return `'sha256-${createHash('sha256').update(text).digest('base64')}'`;
}

function escapeMarkup(text: string): string {
  return text.replace(/[&<>"']/g, (mark) => `&#${mark.charCodeAt(0)};`);
}
