import { SCRIPT } from './script.generated.js';
import { STYLE } from './style.js';

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
