import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { createLog, withFields } from '../../src/log.js';

const SOURCE = new URL('../../src/', import.meta.url).pathname;

function sources(): { readonly name: string; readonly text: string }[] {
  return readdirSync(SOURCE, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => ({ name, text: readFileSync(join(SOURCE, name), 'utf8') }));
}

test('the documents name each event of the log, and no other', () => {
  const text = sources()
    .map((source) => source.text)
    .join('');
  const said = new Set([...text.matchAll(/\bevent(?:: | = )[^,;}]+/g)].flatMap(([code]) => wordsIn(code)));
  const page = readFileSync(new URL('../../docs/delivery.md', import.meta.url), 'utf8');
  const table = page.slice(page.indexOf('| event |'));
  const documented = [...table.matchAll(/^\| (`.*?`) \|/gm)].flatMap(([, cell = '']) =>
    [...cell.matchAll(/`(\w+)`/g)].map(([, word]) => word),
  );
  expect([...said].sort()).toEqual(documented.sort());
});

/** The words that look like an event; a comparison's are no such. */
function wordsIn(code: string): (string | undefined)[] {
  return [...code.replace(/=== '\w+'/g, '').matchAll(/'([a-z_]+)'/g)].map(([, word]) => word);
}

test('each line that is logged has an event', () => {
  const calls = sources()
    .filter(({ name }) => name !== 'log.ts')
    .flatMap(({ name, text }) => callsIn(text).map((call) => `${name}: ${call}`));
  expect(calls.length).toBeGreaterThan(40);
  expect(calls.filter((call) => !call.includes('event'))).toEqual([]);
});

/** The calls of a log's methods, each up to the end of its statement. */
function callsIn(text: string): string[] {
  return text.match(/\blog(?:\(\))?(?:\.(?:debug|info|warn|error)|\[\w+\])\([\s\S]*?\);?\n/g) ?? [];
}

test('a line has the fields that its log is bound to, unless it has its own', () => {
  const lines: string[] = [];
  const log = createLog({ format: 'json', quiet: false, write: (line) => lines.push(line) });
  const bound = withFields(withFields(log, { job: 'a', event: 'job_log' }), { grouping: { shard: '1' } });
  bound.info('one');
  bound.warn('two', { event: 'delivered' });
  expect(lines.map((line) => JSON.parse(line))).toMatchObject([
    { message: 'one', job: 'a', event: 'job_log', grouping: { shard: '1' } },
    { message: 'two', job: 'a', event: 'delivered' },
  ]);
});

test('a bound log calls the given one as its own method, and what that throws stays with it', () => {
  const said: string[] = [];
  const theirs = {
    said,
    debug() {},
    info(message: string) {
      this.said.push(message);
    },
    warn() {
      throw new Error('broken');
    },
    error() {},
  };
  const { info, warn } = withFields(theirs, {});
  info('one');
  warn('two');
  expect(said).toEqual(['one']);
});
