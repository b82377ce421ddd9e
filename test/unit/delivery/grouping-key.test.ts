import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createGroupingKey, formatKey, groupPath, perRunReason } from '../../../src/delivery/grouping-key.js';

/**
 * The Pushgateway's own rule (its README, "URL"): after `/metrics/`, names and values in turn, percent
 * escapes decoded once for the whole path, a name that ends in `@base64` has a base64url value.
 */
function decodeByGatewayRule(path: string): [string, string][] {
  const parts = decodeURIComponent(path)
    .replace(/^\/metrics\//, '')
    .split('/');
  const labels: [string, string][] = [];
  for (let at = 0; at < parts.length; at += 2) {
    const [name = '', value = ''] = parts.slice(at, at + 2);
    labels.push(
      name.endsWith('@base64')
        ? [name.slice(0, -'@base64'.length), Buffer.from(value, 'base64url').toString('utf8')]
        : [name, value],
    );
  }
  return labels;
}

const value = fc.oneof(
  fc.string({ unit: 'binary', minLength: 1 }),
  fc.string({
    unit: fc.constantFrom('/', '.', '%', '2', 'F', '+', ' ', 'ä', '한', '=', '@', '?', '#', '\\', '\n'),
    minLength: 1,
  }),
);
const label = fc.stringMatching(/^[a-z][a-z0-9_]{0,8}$/).filter((name) => name !== 'job');

test("what is encoded into a path comes back by the Pushgateway's own rule", () => {
  fc.assert(
    fc.property(value, fc.dictionary(label, value, { maxKeys: 4 }), (job, labels) => {
      const grouping = Object.entries(labels);
      const path = groupPath(createGroupingKey(job, grouping));
      expect(path).toMatch(/^\/[A-Za-z0-9._~:@/-]+$/);
      expect(path).not.toMatch(/\/\.{0,2}(\/|$)/);
      expect(decodeByGatewayRule(path)).toEqual([['job', job], ...grouping]);
    }),
    { numRuns: 1000 },
  );
});

describe('groupPath', () => {
  test.each([
    ['plain_1', '/metrics/job/plain_1'],
    ['host:9100', '/metrics/job/host:9100'],
    ['a/b', '/metrics/job@base64/YS9i'],
    ['.', '/metrics/job@base64/Lg'],
    ['..', '/metrics/job@base64/Li4'],
    ['...', '/metrics/job/...'],
    ['a b', '/metrics/job@base64/YSBi'],
    ['a+b', '/metrics/job@base64/YSti'],
  ])('%j', (job, path) => {
    expect(groupPath({ job, grouping: [] })).toBe(path);
  });
});

test.each([
  ['', [], 'job: expected a name'],
  ['a', [['job', 'x']], 'a label other than "job"'],
  ['a', [['', 'x']], 'expected a label name'],
  ['a', [['1x', 'x']], 'expected a label name'],
  ['a', [['__x', 'x']], 'expected a label name'],
  ['a', [['a-b', 'x']], 'expected a label name'],
  ['a', [['x', '']], 'expected a value for label "x"'],
  [
    'a',
    [
      ['x', '1'],
      ['x', '1'],
    ],
    'once, got it twice',
  ],
  ['a', [['x', '\ud800']], 'not valid Unicode'],
] as const)('job %j with %j is refused', (job, grouping, message) => {
  expect(() => createGroupingKey(job, grouping)).toThrow(message);
});

test.each([
  ['pod', 'a'],
  ['run_id', '1'],
  ['x', '3f2b8c1e-9d4a-4e8b-a1c2-0123456789ab'],
  ['x', 'backup-3f2b8c1e-9d4a-4e8b-a1c2-0123456789ab'],
  ['x', '1795389420'],
  ['x', '1795389420746'],
  ['x', '2026-11-22T10:00:00Z'],
])('%s=%s looks per-run', (name, content) => {
  expect(perRunReason(name, content)).toContain(`label "${name}"`);
});

test.each([
  ['host', 'db-1'],
  ['shard', '12'],
  ['instance', '10.0.0.1:9100'],
  ['customer', '1234567'],
])('%s=%s does not', (name, content) => {
  expect(perRunReason(name, content)).toBeUndefined();
});

test('a key reads as in Prometheus', () => {
  expect(formatKey({ job: 'a', grouping: [['x', 'y"z']] })).toBe('{job="a",x="y\\"z"}');
});
