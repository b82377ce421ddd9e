// Takes the README's pictures of the embedded gateway's page, light and dark, with the sample's data.
// Needs Debian's chromium; run it after `npm run build`.
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chromium } from 'playwright-core';

const gateway = spawn(process.execPath, ['dist/prombatch.cjs', 'gateway', '--listen', '127.0.0.1:0'], {
  stdio: ['ignore', 'inherit', 'pipe'],
});
const [line] = await once(gateway.stderr, 'data');
const url = /http:\S+/.exec(String(line))?.[0] ?? '';
const push = (...args) =>
  execFileSync(process.execPath, [
    'dist/prombatch.cjs',
    'run',
    '-g',
    url,
    '--interval',
    '0',
    '--seed',
    '1',
    '--quiet',
    ...args,
  ]);
push();
push('--job', 'import_orders', '--grouping', 'shard=1', '--expected-interval', '1h');
await fetch(`${url}/metrics/job/broken`, {
  method: 'POST',
  body: '# TYPE prom_sample_counter gauge\nprom_sample_counter 1\n',
});

const browser = await chromium.launch({
  executablePath: '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu'],
});
for (const colorScheme of /** @type {const} */ (['light', 'dark'])) {
  const page = await browser.newPage({ colorScheme, viewport: { width: 1000, height: 760 } });
  await page.goto(url);
  await page.locator('summary', { hasText: 'prom_sample_batch' }).click();
  await page.waitForSelector('section');
  await page.screenshot({ path: `docs/images/gateway-${colorScheme}.png` });
}
await browser.close();
gateway.kill();
