import { type Browser, chromium, type Locator, type Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { openGateway, type RunningGateway } from '../../src/gateway/gateway.js';
import { findServer } from '../support/server-process.js';
import { HOSTILE, pushSituations, situations } from '../support/situations.js';
import { waitFor } from '../support/wait-for.js';

const executablePath = findServer('chromium');

describe.skipIf(!executablePath)("the gateway's page in Chromium", () => {
  let browser: Browser;
  let gateway: RunningGateway;
  let page: Page;
  const errors: string[] = [];

  beforeAll(async () => {
    browser = await chromium.launch({
      executablePath: executablePath ?? '',
      args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking'],
    });
  });
  afterAll(() => browser?.close());

  beforeEach(async () => {
    gateway = await openGateway();
    page = await browser.newPage();
    errors.length = 0;
    page.on('pageerror', (error) => errors.push(String(error)));
    page.on('console', (message) => {
      if (message.type() === 'error') errors.push(message.text());
    });
  });
  afterEach(async () => {
    await page.close();
    await gateway.close();
    expect(errors).toEqual([]);
  });

  const push = (path: string, body: string) => fetch(gateway.url + path, { method: 'POST', body });
  /** The row of a job. */
  const summary = (job: string) =>
    page.locator('.group > details > summary').filter({ has: page.getByText(job, { exact: true }) });
  /** Its text as it is read aloud. */
  const text = async (at: Locator) => ((await at.textContent()) ?? '').replace(/\s+/g, ' ').trim();
  const shows = (content: string) =>
    waitFor(`the page to show ${content}`, () => page.getByText(content).first().isVisible());
  /** The jobs that are shown, in order. */
  const names = async () =>
    (await page.locator('.group:not([hidden]) .name').allTextContents()).map((name) => name.trim());

  test('says how to push while it is empty, then shows what is pushed without a reload', async () => {
    await page.goto(gateway.url);
    await shows('Nothing has been pushed yet');
    await shows(`npx prombatch run --gateway ${gateway.url}`);
    await push('/metrics/job/nightly/shard/3', '# HELP rows Rows read.\n# TYPE rows gauge\nrows 42\n');
    await shows('nightly');
    const row = await text(summary('nightly'));
    expect(row).toContain('shard="3"');
    expect(row).toContain('last push succeeded');
    expect(row).toContain('pushed');
    expect(await page.locator('#summary').textContent()).toBe('1 job: all well, 1 without batch metrics');
    await summary('nightly').click();
    const section = page.locator('section', { hasText: 'rows' });
    expect(await section.locator('h3').innerText()).toMatch(/rows\s*gauge\s*\?\s*42/);
  });

  test('leads with how the jobs are, the worst first, and counts them', async () => {
    await pushSituations(gateway.url, situations(Date.now() / 1000, 0));
    await page.goto(gateway.url);
    await shows('with_host');
    const buttons = await page.locator('#kinds button').allInnerTexts();
    expect(buttons).toEqual([
      '11 jobs',
      '3 failed',
      '2 overdue',
      '1 never succeeded',
      '1 with a refused push',
      '1 with rejected metrics',
      '1 running',
      '5 succeeded',
      '2 without batch metrics',
    ]);
    expect(await names()).toEqual(
      expect.arrayContaining(['with_host host="db1"', 'fresh', 'foreign instance="web-1:9100" team="ops"']),
    );
    expect((await names()).slice(0, 4)).toEqual(['with_host host="db1"', 'never', 'broke', 'late']);
    expect(await text(summary('with_host'))).toMatch(
      /^failed, exit 137 with_host host="db1" last success 1h2\dm ago overdue by \dm\d*s? took 1m records 42$/,
    );
    expect(await page.title()).toMatch(/^11 jobs: 3 failed, 2 overdue, .* prombatch gateway$/);
  });

  test('a count shows only its jobs, and with the filter only those that match both', async () => {
    await pushSituations(gateway.url, situations(Date.now() / 1000, 0));
    await page.goto(gateway.url);
    await shows('with_host');
    const button = (name: string) => page.getByRole('button', { name });
    await button('3 failed').click();
    expect(await names()).toEqual(['with_host host="db1"', 'never', 'broke']);
    expect(await button('3 failed').getAttribute('aria-pressed')).toBe('true');
    await page.getByRole('searchbox', { name: 'Filter' }).fill('db1');
    expect(await names()).toEqual(['with_host host="db1"']);
    expect(await page.locator('#summary').innerText()).toBe('1 of 11 shown');
    await button('11 jobs').click();
    expect(await names()).toEqual(['with_host host="db1"']);
    await page.getByRole('searchbox', { name: 'Filter' }).fill('');
    await button('2 overdue').click();
    await button('2 overdue').click();
    expect(await names()).toHaveLength(11);
  });

  test('a refused push says why: in its row, or above the rows if it left no trace in a group', async () => {
    await push('/metrics/job/a', '# TYPE rows gauge\nrows 1\n');
    await push('/metrics/job/b', '# TYPE rows counter\nrows 1\n');
    await push('/metrics/job/b', 'rows{ 1\n');
    await push('/metrics/job/c', 'rows{ 1\n');
    await page.goto(gateway.url);
    await shows('A push of c');
    expect(await text(summary('b'))).toMatch(
      /^last push failed b never pushed the gateway refused its push, and has taken none yet; it said: .*line 1/,
    );
    expect(await text(page.locator('#refusals'))).toMatch(/^A push of c was refused .* with 400: .*line 1/);
    expect(await page.locator('#refusals p').count()).toBe(1);
    await push('/metrics/job/c', 'rows 1\n');
    await waitFor('the refusal to go', async () => (await page.locator('#refusals p').count()) === 0);
  });

  test('a refused push of a group with a label called value is told like any other', async () => {
    await push('/metrics/job/rows/value/5', 'rows many\n');
    await page.goto(gateway.url);
    await shows('A push of');
    expect(await text(page.locator('#refusals p'))).toMatch(
      /^A push of rows \{value="5"\} was refused .* with 400: /,
    );
  });

  test('a group with a part of the batch metrics shows that part, and why it is wrong', async () => {
    const ago = Date.now() / 1000 - 7230;
    await push(
      '/metrics/job/part',
      `batch_job_success_due_timestamp_seconds ${ago}\nbatch_job_records_processed 42\n`,
    );
    await page.goto(gateway.url);
    await shows('part');
    expect(await text(summary('part'))).toMatch(
      /^last push succeeded part pushed .* overdue by 2h records 42$/,
    );
  });

  test('no value covers another or leaves its row, however long it is', async () => {
    const values = ['duration_seconds', 'records_processed', 'exit_code'].map(
      (name) => `batch_job_${name} 1.2345678901234567e+300\n`,
    );
    await push('/metrics/job/long', `${values.join('')}batch_job_success_due_timestamp_seconds 1e300\n`);
    await page.goto(gateway.url);
    await shows('long');
    const row = await page.locator('.group > details > summary').boundingBox();
    const cells = await page.locator('.cell:not(.empty), .state').all();
    for (const [index, cell] of cells.entries()) {
      const wide = await cell.evaluate((at) => at.scrollWidth - at.clientWidth);
      const box = await cell.boundingBox();
      expect(wide, `cell ${index}`).toBeLessThanOrEqual(1);
      expect((box?.x ?? 0) + (box?.width ?? 0)).toBeLessThanOrEqual((row?.x ?? 0) + (row?.width ?? 0));
    }
  });

  test('shows histograms and summaries by bucket and quantile', async () => {
    await push(
      '/metrics/job/a',
      '# TYPE h histogram\nh_bucket{le="10"} 1\nh_bucket{le="2"} 1\nh_bucket{le="+Inf"} 3\nh_sum 9\nh_count 3\n',
    );
    await page.goto(gateway.url);
    await summary('a').click();
    const rows = await page.getByRole('table', { name: 'values of h' }).locator('tr').allInnerTexts();
    expect(rows.map((row) => row.replace(/\s+/g, ' '))).toEqual([
      'le="2" 1',
      'le="10" 1',
      'le="+Inf" 3',
      'sum 9',
      'count 3',
    ]);
  });

  test('folds families by kind, shows help when it is asked for, and spans of time as a person reads them', async () => {
    const families = ['# HELP rows Rows read.\n# TYPE rows gauge\nrows NaN\n'];
    families.push('# HELP batch_job_duration_seconds How long.\n# TYPE batch_job_duration_seconds gauge\n');
    await push('/metrics/job/a', `${families.join('')}batch_job_duration_seconds 7384\n`);
    await page.goto(gateway.url);
    await summary('a').click();
    const kinds = page.locator('.kind > summary');
    expect((await kinds.allInnerTexts()).map((kind) => kind.replace(/\s+/g, ' '))).toEqual([
      "The job's own metrics 1",
      'Batch metrics 1',
      'Pushes 2',
    ]);
    expect(await text(page.locator('section', { hasText: 'rows' }))).toContain('NaN');
    expect(await page.getByText('batch_job_duration_seconds').isVisible()).toBe(false);
    await kinds.nth(1).click();
    expect(await text(page.locator('section', { hasText: 'duration' }))).toContain('2h3m · 7384');
    expect(await page.getByText('How long.').isVisible()).toBe(false);
    const help = page.getByRole('button', { name: 'help of batch_job_duration_seconds' });
    await help.click();
    expect(await page.getByText('How long.').isVisible()).toBe(true);
    expect(await help.getAttribute('aria-expanded')).toBe('true');
  });

  test('shows every label, whatever its name', async () => {
    await push('/metrics/job/a', 'rows{constructor="c1",z="z1"} 1\nrows{constructor="c2",z="z1"} 2\n');
    await page.goto(gateway.url);
    await summary('a').click();
    await shows('constructor="c1", z="z1"');
    await shows('constructor="c2", z="z1"');
  });

  test('filters by job, label, metric and value', async () => {
    await push('/metrics/job/one', 'rows 42\n');
    await push('/metrics/job/two', 'bytes 7\n');
    await page.goto(gateway.url);
    await shows('two');
    for (const [sought, visible] of [
      ['two', ['two']],
      ['ROWS', ['one']],
      [':42', ['one']],
      ['job="', ['one', 'two']],
      ['none', []],
    ] as const) {
      await page.getByRole('searchbox', { name: 'Filter' }).fill(sought);
      expect(await names()).toEqual(visible);
      expect(await page.locator('#summary').innerText()).toBe(`${visible.length} of 2 shown`);
    }
  });

  test('a refresh keeps open what is open, and the focus where it is', async () => {
    await push('/metrics/job/steady', '# HELP rows Rows.\n# TYPE rows gauge\nrows 1\n');
    await push('/metrics/job/another', '# TYPE rows gauge\nrows 1\n');
    await page.goto(gateway.url);
    await summary('steady').click();
    await page.getByRole('button', { name: 'help of rows' }).click();
    expect(await names()).toEqual(['another', 'steady']);
    // It becomes the worst: its row moves to the top, and what has the focus moves with it.
    await push(
      '/metrics/job/steady',
      '# HELP rows Rows.\n# TYPE rows gauge\nrows 2\nadded 1\nbatch_job_success 0\n',
    );
    await waitFor('the new value', async () =>
      (await page.locator('section', { hasText: 'rows' }).first().innerText()).includes('2'),
    );
    expect(await names()).toEqual(['steady', 'another']);
    expect(await page.locator('.group > details[open]').count()).toBe(1);
    expect(await page.getByText('Rows.').isVisible()).toBe(true);
    expect(await page.evaluate('document.activeElement.getAttribute("aria-label")')).toBe('help of rows');
  });

  test('deletes a group only when that is confirmed', async () => {
    await push('/metrics/job@base64/L3Zhci90bXA/empty@base64/=', 'rows 1\n');
    await push('/metrics/job/stays', 'rows 1\n');
    await page.goto(gateway.url);
    const remove = page.getByRole('button', { name: 'Delete group /var/tmp {empty=""}' });
    await summary('/var/tmp').click();
    await remove.click();
    expect(await page.locator('#question').innerText()).toBe(
      'Delete the group /var/tmp {empty=""} and all of its metrics?',
    );
    await page.getByRole('button', { name: 'Keep it' }).click();
    expect(gateway.groups()).toHaveLength(2);
    await remove.click();
    await page.getByRole('button', { name: 'Delete the group' }).click();
    await waitFor('the group to go', () => gateway.groups().length === 1);
    await waitFor('the page to follow', async () => (await page.locator('.group').count()) === 1);
    expect(gateway.groups()[0]?.labels).toEqual([['job', 'stays']]);
  });

  test('a hostile label is text, and cannot reorder its row', async () => {
    const encoded = Buffer.from(HOSTILE).toString('base64url');
    const escaped = HOSTILE.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
    await push(
      `/metrics/job@base64/${encoded}`,
      `# HELP rows <b>${'\u202e'}\nrows{l="${escaped}</script>"} 1\n`,
    );
    await page.goto(gateway.url);
    await page.locator('.group > details > summary').click();
    await shows('</script>"');
    expect(await page.locator('img').count()).toBe(0);
    expect(await page.locator('.name').innerText()).toBe(
      '\\u202edrow\\u2066<img src=x onerror=alert(1)>"\\u000a\\u001b[31m\\',
    );
    expect(await page.locator('body').innerText()).not.toMatch(/[^\P{Cc}\s]|[\u202a-\u202e\u2066-\u2069]/u);
    expect(await page.locator('.name bdi').count()).toBe(1);
  });

  test('everything can be reached by the keyboard alone and has a name', async () => {
    await push('/metrics/job/keys', '# HELP rows Rows.\nrows 1\n');
    await page.goto(gateway.url);
    await shows('keys');
    const reach = async (steps: number): Promise<string[]> => {
      const reached: string[] = [];
      for (let step = 0; step < steps; step++) {
        await page.keyboard.press('Tab');
        const name = await page.evaluate(
          '(() => { const at = document.activeElement; return at.getAttribute("aria-label") || at.closest("label")?.innerText.trim() || at.textContent.trim(); })()',
        );
        reached.push(String(name));
      }
      return reached;
    };
    const [search, live, all, kind, row, ...rest] = await reach(7);
    expect([search, live, all, kind]).toEqual(['Filter', 'Live', '1 job', '1 without batch metrics']);
    expect(row).toContain('last push succeeded');
    expect(rest).toEqual(['/metrics', '/api/v1/metrics']);

    await page.locator('.group > details > summary').focus();
    await page.keyboard.press('Enter');
    await waitFor('the group to open', async () => (await page.locator('section').count()) === 3);
    expect(await reach(4)).toEqual([
      "The job's own metrics 1",
      'help of rows',
      'Pushes 2',
      'Delete group keys',
    ]);
    await page.keyboard.press('Enter');
    expect(await page.evaluate('document.activeElement.innerText')).toBe('Keep it');
    await page.keyboard.press('Escape');
    expect(gateway.groups()).toHaveLength(1);
    await page.getByRole('button', { name: 'Delete group keys' }).focus();
    await page.keyboard.press('Enter');
    await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    await waitFor('the group to go', () => gateway.groups().length === 0);
  });

  test('whatever has the keyboard focus is seen to have it', async () => {
    await push('/metrics/job/a', '# HELP rows Rows.\nrows 1\nbatch_job_success 1\n');
    await page.goto(gateway.url);
    await shows('succeeded');
    // What is shown stays the same from here on.
    await page.getByRole('checkbox', { name: 'Live' }).uncheck();
    await page.locator('#filter').focus();
    await page.keyboard.press('Tab');
    const drawn = (at: Locator) => at.locator('xpath=ancestor-or-self::*[contains(@class, "group")][1]');
    for (const what of ['1 job', '1 succeeded']) {
      await page.keyboard.press('Tab');
      expect(await page.evaluate('document.activeElement.textContent')).toBe(what);
    }
    const row = drawn(summary('a'));
    const before = await row.screenshot();
    await page.keyboard.press('Tab');
    expect(await page.evaluate('document.activeElement.tagName')).toBe('SUMMARY');
    expect(await pixelsThatDiffer(page, before, await row.screenshot())).toBeGreaterThan(1000);
    await page.keyboard.press('Enter');
    await page.locator('.kind > summary').first().waitFor();
    const opened = await row.screenshot();
    await page.keyboard.press('Tab');
    expect(await pixelsThatDiffer(page, opened, await row.screenshot())).toBeGreaterThan(1000);
  });

  test('1,000 groups stay quick to filter, and nothing is wider than a narrow screen', async () => {
    await pushSituations(gateway.url, situations(Date.now() / 1000));
    await page.setViewportSize({ width: 400, height: 800 });
    await page.goto(gateway.url);
    await shows('with_host');
    const filterMs = (sought: string) =>
      page.evaluate(`(() => {
        const filter = document.getElementById('filter');
        const mark = performance.now();
        filter.value = ${JSON.stringify(sought)};
        filter.dispatchEvent(new Event('input'));
        document.body.offsetHeight;
        return performance.now() - mark;
      })()`) as Promise<number>;
    for (const sought of ['shard="77"', 'crowd', ''])
      expect(await filterMs(sought), sought).toBeLessThan(4000);
    await filterMs('shard="77"');
    expect(await names()).toEqual(['crowd shard="77"']);
    expect(await page.evaluate('document.documentElement.scrollWidth <= innerWidth')).toBe(true);
  });

  test('a page of another site can neither push nor delete', async () => {
    await push('/metrics/job/safe', 'rows 1\n');
    const other = await openGateway();
    await page.goto(`${other.url}/-/healthy`);
    await page.evaluate(async (url) => {
      for (const method of ['POST', 'PUT', 'DELETE']) {
        await fetch(`${url}/metrics/job/safe`, {
          method,
          mode: method === 'POST' ? 'no-cors' : 'cors',
          ...(method === 'DELETE' ? {} : { body: 'rows 2\n' }),
        }).catch(() => {});
      }
    }, gateway.url);
    expect(gateway.groups()[0]?.families.get('rows')?.metrics[0]?.value).toEqual({
      kind: 'single',
      value: 1,
    });
    await other.close();
    errors.length = 0;
  });

  test.each(['light', 'dark'] as const)('text stands out from its ground in %s', async (colorScheme) => {
    await page.emulateMedia({ colorScheme });
    await pushSituations(gateway.url, situations(Date.now() / 1000, 0));
    await page.goto(gateway.url);
    await shows('with_host');
    await page.locator('.group > details > summary').first().click();
    const states = ['failed', 'succeeded', 'running', 'no_batch_metrics'].map(
      (state) => `[data-state=${state}] .state`,
    );
    const others = [
      'h1',
      '.name',
      '.label',
      '.cell.bad',
      '.notes:not(:empty)',
      '.columns span',
      'footer',
      '.quiet',
      '.push',
    ];
    const kinds = ['.kind-failed', '.kind-running', '.kind-succeeded', '.kind-no_batch_metrics'];
    for (const selector of [...others, ...states, ...kinds]) {
      expect(await contrast(page, selector), selector).toBeGreaterThanOrEqual(4.5);
    }
  });
});

/** The contrast ratio of an element's text, by the formula of WCAG 2.1. */
async function contrast(page: Page, selector: string): Promise<number> {
  const [ink = [], ground = []] = (await page.evaluate(`(() => {
    const parse = (color) => color.match(/[\\d.]+/g).map(Number);
    let at = document.querySelector(${JSON.stringify(selector)});
    const ink = parse(getComputedStyle(at).color);
    let ground = parse(getComputedStyle(at).backgroundColor);
    while (ground.length === 4 && ground[3] === 0) { at = at.parentElement; ground = parse(getComputedStyle(at).backgroundColor); }
    return [ink, ground];
  })()`)) as number[][];
  const luminance = (color: readonly number[]) => {
    const [r = 0, g = 0, b = 0] = color.map((part) => {
      const share = part / 255;
      return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const [light = 0, dark = 0] = [luminance(ink), luminance(ground)].sort((a, b) => b - a);
  return (light + 0.05) / (dark + 0.05);
}

/** How many pixels of two pictures of the same size a person can tell apart. */
function pixelsThatDiffer(page: Page, ...pictures: readonly [Buffer, Buffer]): Promise<number> {
  const urls = pictures.map((picture) => `data:image/png;base64,${picture.toString('base64')}`);
  return page.evaluate(`Promise.all(${JSON.stringify(urls)}.map(async (url) => {
    const image = new Image();
    image.src = url;
    await image.decode();
    const context = new OffscreenCanvas(image.width, image.height).getContext('2d');
    context.drawImage(image, 0, 0);
    return context.getImageData(0, 0, image.width, image.height).data;
  })).then(([a, b]) => a.reduce((count, value, at) => count + (Math.abs(value - b[at]) > 60 ? 1 : 0), 0) / 3)`);
}
