import { type Browser, chromium } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { describeJob } from '../../src/status/describe.js';
import type { JobView } from '../../src/status/job-view.js';
import { type RunningCli, runCli, startCli } from '../support/cli.js';
import { describeOnPushgateways } from '../support/pushgateway.js';
import { findServer } from '../support/server-process.js';
import { pushSituations, situations } from '../support/situations.js';
import { waitFor } from '../support/wait-for.js';

const executablePath = findServer('chromium');

describe.skipIf(!executablePath)('the page of prombatch status --serve in Chromium', () => {
  describeOnPushgateways('with all situations', (gateway) => {
    let browser: Browser;
    let cli: RunningCli;
    beforeAll(async () => {
      await pushSituations(gateway().url, situations(Date.now() / 1000, 30));
      cli = startCli(['status', '-g', gateway().url, '--serve', '0', '--expect', 'gone']);
      browser = await chromium.launch({
        executablePath: executablePath ?? '',
        args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking'],
      });
    });
    afterAll(async () => {
      await browser?.close();
      cli?.child.kill('SIGTERM');
      await cli?.result;
    });

    test('it shows the facts of the JSON, row by row, and nothing that could change them', async () => {
      const url = await waitFor(
        'the address',
        () => /at (http:\/\/127\.0\.0\.1:\d+)/.exec(cli.stderr())?.[1],
      );
      const { stdout } = await runCli(['status', '-g', gateway().url, '--json', '--expect', 'gone']);
      const { jobs } = JSON.parse(stdout) as { jobs: JobView[] };
      const page = await browser.newPage();
      const errors: string[] = [];
      page.on('pageerror', (error) => errors.push(String(error)));
      page.on('console', (message) => {
        if (message.type() === 'error') errors.push(message.text());
      });
      await page.goto(url);
      await page.waitForSelector('.group');
      const rows = await page.locator('.group > details > summary').allTextContents();
      expect(rows).toHaveLength(jobs.length);
      for (const [index, view] of jobs.entries())
        expect(rowsWithin(view, 120), `row ${index}`).toContain(normal(rows[index] ?? ''));
      expect(await page.locator('.wrong').count()).toBe(
        jobs.filter(({ problems }) => problems.length > 0).length,
      );

      for (const summary of await page.locator('.group > details > summary').all()) await summary.click();
      expect(await page.getByRole('button', { name: 'Delete' }).count()).toBe(0);
      expect(await page.locator('img').count()).toBe(0);
      expect(errors).toEqual([]);
    });

    test('where no job is of the selection, it says so, and not that nothing was pushed', async () => {
      const chosen = startCli(['status', '-g', gateway().url, '--serve', '0', '--job', 'typo*']);
      const url = await waitFor(
        'the address',
        () => /at (http:\/\/127\.0\.0\.1:\d+)/.exec(chosen.stderr())?.[1],
      );
      const page = await browser.newPage();
      await page.goto(url);
      await page.waitForSelector('.empty-page:not([hidden])');
      expect(await page.locator('.empty-page').innerText()).toMatch(
        /^The gateway holds \d+ groups, and none is what --job and --grouping ask for\.$/,
      );
      chosen.child.kill('SIGTERM');
      await chosen.result;
    });

    test('a gateway that goes away is said, and what was seen last stays', async () => {
      const page = await browser.newPage();
      await page.goto(/at (http:\S+)/.exec(cli.stderr())?.[1] ?? '');
      await page.waitForSelector('.group');
      const count = await page.locator('.group').count();
      await gateway().stop();
      await waitFor('the page to say it', async () =>
        (await page.locator('#summary').innerText()).startsWith('nothing listens at'),
      );
      expect(await page.locator('.group').count()).toBe(count);
    });
  });
});

const normal = (text: string) => text.replace(/\s+/g, ' ').trim();

/** What a row may say within so many seconds after the JSON was made. */
function rowsWithin(view: JobView, seconds: number): string[] {
  return Array.from({ length: seconds }, (_, later) => rowOf(after(view, later)));
}

function after(view: JobView, seconds: number): JobView {
  const moved = Object.entries(view).map(([name, value]) => {
    if (typeof value !== 'number') return [name, value];
    if (/AgeSeconds$|^runningFor|^overdue/.test(name)) return [name, value + seconds];
    return [name, name === 'dueInSeconds' ? value - seconds : value];
  });
  return Object.fromEntries(moved) as JobView;
}

function rowOf(view: JobView): string {
  const { name, state, lastSuccess, due, duration, records, notes } = describeJob(view);
  const plain = view.state === 'no_batch_metrics';
  const words = [
    plain ? 'last push succeeded' : state,
    // The page writes the labels beside the job, without the braces of the table.
    name.replace(/ \{(.*)\}$/s, (_, labels: string) => ` ${labels.replaceAll('", ', '" ')}`),
    plain ? pushed(view) : lastSuccess && `last success ${lastSuccess}`,
    due.startsWith('in') ? `due ${due}` : due,
    duration && `took ${duration}`,
    records && `records ${records}`,
    notes.join('; '),
  ];
  return normal(words.filter(Boolean).join(' '));
}

function pushed(view: JobView): string {
  const { lastPushAgeSeconds = 0 } = view;
  return `pushed ${describeJob({ ...view, lastSuccessAgeSeconds: lastPushAgeSeconds }).lastSuccess}`;
}
