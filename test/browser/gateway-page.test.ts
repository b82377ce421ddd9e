import { type Browser, chromium, type Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { openGateway, type RunningGateway } from '../../src/gateway/gateway.js';
import { findServer } from '../support/server-process.js';
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
  const summary = (text: string) => page.locator('summary', { hasText: text });
  const shows = (text: string) =>
    waitFor(`the page to show ${text}`, () => page.getByText(text).first().isVisible());

  test('says how to push while it is empty, then shows what is pushed without a reload', async () => {
    await page.goto(gateway.url);
    await shows('Nothing has been pushed yet');
    await push('/metrics/job/nightly/shard/3', '# HELP rows Rows read.\n# TYPE rows gauge\nrows 42\n');
    await shows('job="nightly"');
    expect(await summary('nightly').innerText()).toContain('shard="3"');
    expect(await summary('nightly').innerText()).toContain('last push succeeded');
    expect(await page.locator('#summary').innerText()).toBe('1 group');
    await summary('nightly').click();
    const section = page.locator('section', { hasText: 'Rows read.' });
    expect(await section.locator('h2').innerText()).toMatch(/rows\s*gauge\s*42/);
  });

  test('shows histograms and summaries by bucket and quantile, and a failed push', async () => {
    await push(
      '/metrics/job/a',
      '# TYPE h histogram\nh_bucket{le="10"} 1\nh_bucket{le="2"} 1\nh_bucket{le="+Inf"} 3\nh_sum 9\nh_count 3\n',
    );
    await push('/metrics/job/b', 'h_count 1\n');
    await page.goto(gateway.url);
    await summary('job="a"').click();
    const rows = await page.getByRole('table', { name: 'values of h' }).locator('tr').allInnerTexts();
    expect(rows.map((row) => row.replace(/\s+/g, ' '))).toEqual([
      'le="2" 1',
      'le="10" 1',
      'le="+Inf" 3',
      'sum 9',
      'count 3',
    ]);
    expect(await summary('job="b"').innerText()).toContain('last push failed');
    expect(await summary('job="b"').innerText()).toContain('never pushed');
  });

  test('shows every label, whatever its name', async () => {
    await push('/metrics/job/a', 'rows{constructor="c1",z="z1"} 1\nrows{constructor="c2",z="z1"} 2\n');
    await page.goto(gateway.url);
    await summary('job="a"').click();
    await shows('constructor="c1", z="z1"');
    await shows('constructor="c2", z="z1"');
  });

  test('filters by label, metric and value', async () => {
    await push('/metrics/job/one', 'rows 42\n');
    await push('/metrics/job/two', 'bytes 7\n');
    await page.goto(gateway.url);
    await shows('job="two"');
    for (const [text, visible] of [
      ['two', ['two']],
      ['ROWS', ['one']],
      ['"42"', ['one']],
      ['job=', ['one', 'two']],
      ['none', []],
    ] as const) {
      await page.getByRole('searchbox', { name: 'Filter' }).fill(text);
      const seen = await page.locator('.group:not([hidden]) .labels').allInnerTexts();
      expect(seen).toEqual(visible.map((job) => `job="${job}"`));
      expect(await page.locator('#summary').innerText()).toBe(
        text === 'none' ? '0 of 2 groups' : `${visible.length} of 2 groups`,
      );
    }
  });

  test('a refresh keeps open what is open, and the focus where it is', async () => {
    await push('/metrics/job/steady', 'rows 1\n');
    await page.goto(gateway.url);
    await summary('steady').click();
    await page.getByRole('button', { name: 'Delete group job="steady"' }).focus();
    await push('/metrics/job/another', 'rows 1\n');
    await push('/metrics/job/steady', 'rows 2\n');
    await waitFor('the new value', async () =>
      (await page.locator('section', { hasText: 'rows' }).first().innerText()).includes('2'),
    );
    expect(await page.locator('details[open]').count()).toBe(1);
    expect(await page.evaluate('document.activeElement.getAttribute("aria-label")')).toBe(
      'Delete group job="steady"',
    );
  });

  test('deletes a group only when that is confirmed', async () => {
    await push('/metrics/job@base64/L3Zhci90bXA/empty@base64/=', 'rows 1\n');
    await push('/metrics/job/stays', 'rows 1\n');
    await page.goto(gateway.url);
    const remove = page.getByRole('button', { name: 'Delete group empty="", job="/var/tmp"' });
    await remove.click();
    expect(await page.locator('#question').innerText()).toBe(
      'Delete the group {empty="", job="/var/tmp"} and all of its metrics?',
    );
    await page.getByRole('button', { name: 'Keep it' }).click();
    expect(gateway.groups()).toHaveLength(2);
    await remove.click();
    await page.getByRole('button', { name: 'Delete the group' }).click();
    await waitFor('the group to go', () => gateway.groups().length === 1);
    await waitFor('the page to follow', async () => (await page.locator('.group').count()) === 1);
    expect(gateway.groups()[0]?.labels).toEqual([['job', 'stays']]);
  });

  test('a hostile label is text', async () => {
    const hostile = '<img src=x onerror=document.title=1>';
    const encoded = Buffer.from(hostile).toString('base64url');
    await push(`/metrics/job@base64/${encoded}`, `# HELP rows ${hostile}\nrows{l="${hostile}</script>"} 1\n`);
    await page.goto(gateway.url);
    await page.locator('summary').click();
    await shows(`l="${hostile}</script>"`);
    expect(await page.locator('img').count()).toBe(0);
    expect(await page.title()).toBe('prombatch gateway');
    expect(await page.locator('.labels').innerText()).toBe(`job="${hostile}"`);
  });

  test('everything can be reached by the keyboard alone and has a name', async () => {
    await push('/metrics/job/keys', 'rows 1\n');
    await page.goto(gateway.url);
    await shows('job="keys"');
    const reached: string[] = [];
    for (let step = 0; step < 7; step++) {
      await page.keyboard.press('Tab');
      reached.push(
        String(
          await page.evaluate(
            '(() => { const at = document.activeElement; return at.getAttribute("aria-label") || at.closest("label")?.innerText.trim() || at.innerText.trim().split("\\n")[0]; })()',
          ),
        ),
      );
    }
    expect(reached.slice(0, 6)).toEqual([
      'Filter',
      'Live',
      'job="keys"',
      'Delete group job="keys"',
      '/metrics',
      '/api/v1/metrics',
    ]);

    await page.locator('summary').focus();
    await page.keyboard.press('Enter');
    await waitFor('the group to open', async () => (await page.locator('section').count()) === 3);
    await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    expect(await page.evaluate('document.activeElement.innerText')).toBe('Keep it');
    await page.keyboard.press('Escape');
    expect(gateway.groups()).toHaveLength(1);
    await page.locator('.group > button').focus();
    await page.keyboard.press('Enter');
    await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    await waitFor('the group to go', () => gateway.groups().length === 0);
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
    await push('/metrics/job/a', 'rows 1\n');
    await page.goto(gateway.url);
    await shows('job="a"');
    for (const selector of ['h1', '.labels b', '.when', '.state', 'footer', '.group > button']) {
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
