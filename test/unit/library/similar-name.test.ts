import { expect, test } from 'vitest';
import { findSimilar } from '../../../src/library/similar-name.js';

const names = ['gateway', 'timeoutMs', 'pushTimeoutMs', 'graceMs', 'startPush', 'spool', 'job'];

test.each([
  ['timeout', 'timeoutMs'],
  ['--timeout', 'timeoutMs'],
  ['timoutMs', 'timeoutMs'],
  ['push_timeout', 'pushTimeoutMs'],
  ['grace', 'graceMs'],
  ['noStartPush', 'startPush'],
  ['--no-spool', 'spool'],
  ['GATEWAY', 'gateway'],
  ['jobs', 'job'],
  ['node', undefined],
  ['retries', undefined],
  ['', undefined],
])('%j is taken for %j', (given, meant) => {
  expect(findSimilar(given, names)).toBe(meant);
});
