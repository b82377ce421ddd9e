// Takes the README's pictures of the page of jobs, light and dark: a failed and an overdue job among others.
// Needs Debian's chromium; run it after `npm run build`. With a folder as its argument it takes more there, to look at:
// the empty page, one of 213 jobs, a narrow one.
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chromium } from 'playwright-core';

const [folder] = process.argv.slice(2);
const gateway = spawn(process.execPath, ['dist/prombatch.cjs', 'gateway', '--listen', '127.0.0.1:0'], {
  stdio: ['ignore', 'inherit', 'pipe'],
});
const [line] = await once(gateway.stderr, 'data');
gateway.stderr.resume();
const url = /http:\S+/.exec(String(line))?.[0] ?? '';
const now = Date.now() / 1000;

/** Pushes the batch metrics of a run, by their names without `batch_job_`. */
async function push(path, values, own = '') {
  const gauges = Object.entries(values).map(
    ([name, value]) => `# TYPE batch_job_${name} gauge\nbatch_job_${name} ${value}\n`,
  );
  await fetch(`${url}/metrics/job/${path}`, { method: 'POST', body: gauges.join('') + own });
}
/**
 * The batch metrics of a run; what is undefined is not pushed.
 *
 * @param {{ ago: number, duration: number, exitCode?: number, records?: number, lastSuccess?: number, due: number }} facts
 */
const run = ({
  ago,
  duration,
  exitCode = 0,
  records,
  lastSuccess = exitCode === 0 ? ago : undefined,
  due,
}) => ({
  last_start_timestamp_seconds: now - ago - duration,
  last_completion_timestamp_seconds: now - ago,
  duration_seconds: duration,
  success: exitCode === 0 ? 1 : 0,
  exit_code: exitCode,
  ...(records === undefined ? {} : { records_processed: records }),
  ...(lastSuccess === undefined ? {} : { last_success_timestamp_seconds: now - lastSuccess }),
  success_due_timestamp_seconds: now + due,
});

const browser = await chromium.launch({
  executablePath: '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu'],
});
async function shoot(path, { colorScheme = 'light', width = 1000, height = 640, open = '' } = {}) {
  const page = await browser.newPage({
    colorScheme: /** @type {'light' | 'dark'} */ (colorScheme),
    viewport: { width, height },
  });
  await page.goto(url);
  await page.waitForSelector('.group, .empty-page');
  if (open !== '') {
    await page.locator('.group > details > summary', { hasText: open }).click();
    await page.waitForSelector('section');
  }
  await page.screenshot({ path });
  await page.close();
}

if (folder) await shoot(`${folder}/empty.png`);
execFileSync(process.execPath, ['dist/prombatch.cjs', 'run', '-g', url, '--seed', '1', '--quiet']);
await push('import_orders/shard/1', run({ ago: 1500, duration: 214.3, records: 48_211, due: 5700 }));
await push('import_orders/shard/2', run({ ago: 1440, duration: 198.6, records: 47_902, due: 5760 }));
if (folder) await shoot(`${folder}/three.png`);
await push(
  'nightly_export',
  run({ ago: 4000, duration: 61, exitCode: 3, records: 120, lastSuccess: 90_400, due: 86_000 }),
);
if (folder) await shoot(`${folder}/one-failed.png`);
await push('backup/host/db1', run({ ago: 187_000, duration: 1260, due: -9000 }));
await push('reindex', {
  ...run({ ago: 80_000, duration: 900, due: 90_000 }),
  last_start_timestamp_seconds: now - 125,
});
await fetch(`${url}/metrics/job/legacy_cron`, {
  method: 'POST',
  body: '# TYPE rows_deleted gauge\nrows_deleted 17\n',
});

for (const colorScheme of /** @type {const} */ (['light', 'dark']))
  await shoot(`docs/images/gateway-${colorScheme}.png`, { colorScheme, open: 'prom_sample_batch' });
if (folder) {
  await shoot(`${folder}/narrow.png`, { width: 400, height: 900 });
  await shoot(`${folder}/narrow-open.png`, { width: 400, height: 900, open: 'nightly_export' });
  await fetch(`${url}/metrics/job/nightly_export`, {
    method: 'POST',
    body: '# TYPE rows_deleted counter\nrows_deleted 1\n',
  });
  await fetch(`${url}/metrics/job/broken`, { method: 'POST', body: 'rows{ 1\n' });
  await shoot(`${folder}/refused.png`, { open: 'nightly_export' });
  for (let shard = 1; shard <= 206; shard++)
    await push(
      `crawl/shard/${shard}`,
      run({ ago: 60 * shard, duration: shard, records: shard * 13, due: 90_000 }),
    );
  await shoot(`${folder}/213.png`, { height: 900 });
  await shoot(`${folder}/213-dark.png`, { height: 900, colorScheme: 'dark', open: 'legacy_cron' });
}
await browser.close();
gateway.kill();
