import { expect, test } from 'vitest';
import { answerError, isRefusal } from '../../../../src/delivery/remote-write/receiver/answers.js';

const NOW = Date.parse('2026-05-01T12:00:00Z');
const answer = (status: number, body = '', headers = {}) =>
  answerError('http://receiver', { status, body, headers }, { newestMs: NOW, nowMs: NOW });

test.each([200, 202, 204, 299])('%i is stored', (status) => {
  expect(answer(status)).toBeUndefined();
});

test.each([
  [400, 'out of order sample'],
  [400, 'out of bounds'],
  [400, 'too old sample'],
  [400, 'duplicate sample for timestamp'],
  [500, 'too old sample'],
  [400, 'send data to ingesters: user=1: err: out of order sample'],
  [400, 'the sample has been rejected (err-mimir-sample-out-of-order)'],
  [400, 'the sample has been rejected (err-mimir-sample-timestamp-too-old)'],
  [400, 'the sample has been rejected (err-mimir-sample-duplicate-timestamp)'],
  [409, 'store series: conflict'],
])('%i %j is final and about time', (status, body) => {
  const error = answer(status, body);
  expect(error).toMatchObject({ code: 'SAMPLE_TOO_OLD', retryable: false, status });
  expect(error?.hint).toContain('out_of_order_time_window');
  expect(error && isRefusal(error)).toBe(true);
});

test.each([400, 413, 422])('%i is final', (status) => {
  const error = answer(status, 'a label is too long');
  expect(error).toMatchObject({ code: 'PUSH_REJECTED', retryable: false, status });
  expect(error && isRefusal(error)).toBe(true);
});

test.each([402, 406, 410, 415, 421, 426, 451])(
  '%i keeps what waits: it is not about what was sent',
  (status) => {
    const error = answer(status, 'no');
    expect(error).toBeInstanceOf(Error);
    expect(error && isRefusal(error)).toBe(false);
  },
);

test.each(['runtime error: index out of bounds', 'the TLS version is too old'])(
  '500 %j is tried again: it says nothing of a sample',
  (body) => expect(answer(500, body)?.retryable).toBe(true),
);

test.each([408, 429, 500, 502, 503])('%i is tried again', (status) => {
  const error = answer(status, 'busy', { 'retry-after': '7' });
  expect(error).toMatchObject({ retryable: true, status, retryAfterMs: 7000 });
  expect(error && isRefusal(error)).toBe(false);
});

test.each([301, 307, 401, 403, 404, 405, 407])('%i keeps what waits: it is about where or who', (status) => {
  const error = answer(status, '', { location: 'https://elsewhere/' });
  expect(error?.retryable).toBe(false);
  expect(error && isRefusal(error)).toBe(false);
});

test('a redirect names its target, and a path that is none says what was found there', () => {
  expect(answer(307, '', { location: 'https://elsewhere/write' })?.message).toContain(
    'a redirect to https://elsewhere/write',
  );
  const off = answer(
    404,
    'remote write receiver needs to be enabled with --web.enable-remote-write-receiver',
  );
  expect(off?.message).toContain('takes no remote write (404): remote write receiver needs to be enabled');
  expect(off?.hint).toContain('/api/v1/write');
});

test.each([
  ['half an hour ahead of the receiver waits for its time', 30, 'SAMPLE_IN_FUTURE', false],
  ['a day ahead is not waited for', 24 * 60, 'SAMPLE_FAR_AHEAD', true],
  ['a minute ahead is no reason', 1, 'SAMPLE_TOO_OLD', true],
])('a sample that is %s', (_title, minutes, code, refused) => {
  const date = new Date(NOW - minutes * 60_000).toUTCString();
  const error = answer(400, 'out of bounds', { date });
  expect(error).toMatchObject({ code, retryable: false });
  expect(error && isRefusal(error)).toBe(refused);
});
