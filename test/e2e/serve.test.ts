import { expect, test } from 'vitest';
import { parseFamilies } from '../../src/exposition/parse.js';
import { runCli, startCli } from '../support/cli.js';
import { waitFor } from '../support/wait-for.js';

async function scrape(url: string): Promise<Map<string, number>> {
  const response = await fetch(url);
  expect(response.headers.get('content-type')).toContain('text/plain; version=0.0.4');
  const samples = parseFamilies(await response.text()).flatMap((family) => family.samples);
  return new Map(
    samples.map(({ name, labels, value }) => [name + labels.map((pair) => pair.join('=')).join(), value]),
  );
}

test("the tutorial's five metrics from a loop, until a signal ends it with 0", async () => {
  const { child, stderr, stdout, result } = startCli([
    'serve',
    '--listen',
    '127.0.0.1:0',
    '--interval',
    '50ms',
    '--seed',
    '1',
  ]);
  const url = await waitFor('the address', () => /http:\S+\/metrics/.exec(stderr())?.[0]);
  const samples = await waitFor('three ticks', async () => {
    const found = await scrape(url);
    return (found.get('prom_sample_counter') ?? 0) >= 3 ? found : undefined;
  });
  const ticks = samples.get('prom_sample_counter') ?? 0;
  const level = samples.get('prom_sample_gauge') ?? Number.NaN;
  expect(level).toBe(ticks % 20 <= 10 ? ticks % 20 : 20 - (ticks % 20));
  expect(samples.get('prom_sample_labeled_gaugeid=2')).toBe(2 * level);
  expect(samples.get('prom_sample_labeled_gaugeid=3')).toBe(3 * level);
  for (const name of ['prom_sample_histogram_count', 'prom_sample_summary_count']) {
    const counts = [...samples].filter(([key]) => key.startsWith(name)).map(([, value]) => value);
    expect(counts.reduce((sum, count) => sum + count, 0)).toBe(ticks);
  }
  expect([...samples.keys()].filter((name) => !name.startsWith('prom_sample_'))).toEqual([]);
  child.kill('SIGTERM');
  expect(await result).toMatchObject({ code: 0 });
  expect(stdout()).toBe('');
});

test('before its first tick the gauge and the counter are 0', async () => {
  const { child, stderr, result } = startCli(['serve', '--listen', '127.0.0.1:0']);
  const url = await waitFor('the address', () => /http:\S+\/metrics/.exec(stderr())?.[0]);
  const samples = await scrape(url);
  expect([samples.get('prom_sample_counter'), samples.get('prom_sample_gauge')]).toEqual([0, 0]);
  child.kill('SIGINT');
  expect((await result).code).toBe(0);
});

test.each([
  [['serve', '--interval', '0'], '--interval: expected a duration such as 15s, more than 0'],
  [['serve', '--listen', '9100'], '--listen: expected host:port'],
  [['serve', '--listen', '192.0.2.1:9100'], '--listen: cannot listen on 192.0.2.1:9100'],
  [['serve', 'module.js'], 'too many arguments'],
])('%j is refused with exit 2', async (args, message) => {
  const { code, stderr } = await runCli(args);
  expect(stderr).toContain(message);
  expect(code).toBe(2);
});
