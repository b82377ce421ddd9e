// Takes the README's pictures of a real Prometheus' graph page and a real Pushgateway's page, with the sample's data.
// Needs Debian's chromium, prometheus and prometheus-pushgateway; run it after `npm run build`. Takes two minutes.
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { chromium } from 'playwright-core';

const GATEWAY = '127.0.0.1:19791';
const PROMETHEUS = '127.0.0.1:19790';
const folder = mkdtempSync(join(tmpdir(), 'prombatch-pictures-'));
const config = readFileSync('prometheus.yml', 'utf8')
  .replaceAll('pushgateway:9091', GATEWAY)
  .replaceAll('localhost:9090', PROMETHEUS)
  .replaceAll('serve:9100', '127.0.0.1:19710')
  .replace(/rule_files:[\s\S]*?scrape_configs:/, 'scrape_configs:')
  .replace(/scrape_interval: \w+/g, 'scrape_interval: 1s');
writeFileSync(join(folder, 'prometheus.yml'), config);

const node = (...args) => spawn(process.execPath, ['dist/prombatch.cjs', ...args], { stdio: 'ignore' });
const processes = [
  spawn('prometheus-pushgateway', ['--persistence.file=', `--web.listen-address=${GATEWAY}`], {
    stdio: 'ignore',
  }),
  spawn(
    'prometheus',
    [
      `--config.file=${folder}/prometheus.yml`,
      `--storage.tsdb.path=${folder}/data`,
      `--web.listen-address=${PROMETHEUS}`,
    ],
    { stdio: 'ignore' },
  ),
  node('serve', '--listen', '127.0.0.1:19710', '--interval', '1s'),
];
await wait(2000);
processes.push(
  node(
    'schedule',
    '*/5 * * * * *',
    '-g',
    GATEWAY,
    '--accumulate',
    '--interval',
    '0',
    '--ticks',
    '3',
    '--no-spool',
  ),
  node('exec', '-g', GATEWAY, '--expected-interval', '1d', '--no-spool', '--', 'true'),
);
await wait(100_000);

const browser = await chromium.launch({
  executablePath: '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu'],
});
const picture = async (name, url, act) => {
  const page = await browser.newPage({ viewport: { width: 1100, height: 720 } });
  await page.goto(url);
  await act(page);
  await page.screenshot({ path: `docs/images/${name}.png` });
};
const graph = (expr) => `g0.expr=${encodeURIComponent(expr)}&g0.tab=0&g0.range_input=2m`;
await picture(
  'prometheus-graph',
  `http://${PROMETHEUS}/classic/graph?${graph('prom_sample_gauge')}`,
  (page) => page.waitForTimeout(3000),
);
await picture('pushgateway', `http://${GATEWAY}/`, async (page) => {
  await page.locator('text=prom_sample_batch').first().click();
  await page.waitForTimeout(1000);
});
await browser.close();
for (const each of processes) each.kill();
await wait(1000);
rmSync(folder, { recursive: true, force: true });
