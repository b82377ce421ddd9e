import { readFileSync, writeFileSync } from 'node:fs';
import { isDeepStrictEqual } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openGateway } from '../../src/gateway/gateway.js';
import { empty, type Observation, observe } from '../support/conformance.js';
import { CASES } from '../support/conformance-cases.js';
import { isNewer, pushgatewayBinaries, startPushgateway } from '../support/pushgateway.js';

/**
 * What the real Pushgateways showed: all of it of Debian's 1.5.1, and of 1.11.3 where it differs. RECORD_CONFORMANCE=1
 * writes both anew, from Debian's and from the one that PUSHGATEWAY_BIN names.
 */
const recording = process.env.RECORD_CONFORMANCE !== undefined;
const fixture = (name: string) => new URL(`../fixtures/gateway-conformance${name}.json`, import.meta.url);
const read = (name: string): Record<string, Observation> =>
  recording ? {} : JSON.parse(readFileSync(fixture(name), 'utf8'));
const older = read('');
const newer = read('-newer');

interface Subject {
  readonly url: string;
  close(): Promise<void>;
}

const subjects: readonly (readonly [
  name: string,
  recorded: 'older' | 'newer',
  start: (() => Promise<Subject>) | undefined,
])[] = [
  ...pushgatewayBinaries().map(
    ([name, binary]) =>
      [
        name,
        binary !== undefined && isNewer(binary) ? 'newer' : 'older',
        binary === undefined
          ? undefined
          : async () => {
              const { url, stop } = await startPushgateway(binary);
              return { url, close: () => stop() };
            },
      ] as const,
  ),
  ['the embedded gateway', 'newer', () => openGateway()],
];

test('there are at least eighty requests, and each case has a name of its own', () => {
  expect(CASES.flatMap(({ requests }) => requests).length).toBeGreaterThanOrEqual(80);
  expect(new Set(CASES.map(({ name }) => name)).size).toBe(CASES.length);
});

describe.each(subjects)('%s', (name, version, start) => {
  let subject: Subject;
  beforeAll(async () => {
    if (start) subject = await start();
  });
  afterAll(async () => {
    await subject?.close();
    if (!recording || name === 'the embedded gateway') return;
    const [file, content] = version === 'newer' ? ['-newer', newer] : ['', older];
    writeFileSync(fixture(file), `${JSON.stringify(content, undefined, 1)}\n`);
  });

  test.skipIf(!start).each(CASES)('$name', async (given) => {
    await empty(subject.url);
    const seen = await observe(subject.url, given);
    if (recording && version === 'older') older[given.name] = seen;
    else if (recording && !isDeepStrictEqual(seen, older[given.name])) newer[given.name] = seen;
    expect(seen).toEqual((version === 'newer' && newer[given.name]) || older[given.name]);
  });
});

test('the two real ones differ in few cases, and each of them is one', () => {
  expect(Object.keys(newer).length).toBeLessThan(CASES.length / 10);
  for (const [name, seen] of Object.entries(newer)) expect(older[name], name).not.toEqual(seen);
});
