import { readFileSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openGateway } from '../../src/gateway/gateway.js';
import { empty, type Observation, observe } from '../support/conformance.js';
import { CASES } from '../support/conformance-cases.js';
import { pushgatewayBinaries, startPushgateway } from '../support/pushgateway.js';

/** What Debian's Pushgateway 1.5.1 showed; RECORD_CONFORMANCE=1 writes it anew from there. */
const recording = new URL('../fixtures/gateway-conformance.json', import.meta.url);
const recorded: Record<string, Observation> = process.env.RECORD_CONFORMANCE
  ? {}
  : JSON.parse(readFileSync(recording, 'utf8'));

interface Subject {
  readonly url: string;
  close(): Promise<void>;
}

const subjects: readonly (readonly [name: string, start: (() => Promise<Subject>) | undefined])[] = [
  ...pushgatewayBinaries().map(
    ([name, binary]) =>
      [
        name,
        binary === undefined
          ? undefined
          : async () => {
              const { url, stop } = await startPushgateway(binary);
              return { url, close: () => stop() };
            },
      ] as const,
  ),
  ['the embedded gateway', () => openGateway()],
];

test('there are at least eighty requests, and each case has a name of its own', () => {
  expect(CASES.flatMap(({ requests }) => requests).length).toBeGreaterThanOrEqual(80);
  expect(new Set(CASES.map(({ name }) => name)).size).toBe(CASES.length);
});

describe.each(subjects)('%s', (name, start) => {
  let subject: Subject;
  beforeAll(async () => {
    if (start) subject = await start();
  });
  afterAll(async () => {
    await subject?.close();
    if (process.env.RECORD_CONFORMANCE && name === 'prometheus-pushgateway') {
      writeFileSync(recording, `${JSON.stringify(recorded, undefined, 1)}\n`);
    }
  });

  test.skipIf(!start).each(CASES)('$name', async (given) => {
    await empty(subject.url);
    const seen = await observe(subject.url, given);
    if (process.env.RECORD_CONFORMANCE && name === 'prometheus-pushgateway') recorded[given.name] = seen;
    expect(seen).toEqual(recorded[given.name]);
  });
});
