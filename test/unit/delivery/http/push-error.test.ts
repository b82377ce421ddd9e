import { expect, test } from 'vitest';
import { connectionError, parseRetryAfter, refusalError } from '../../../../src/delivery/http/push-error.js';
import { describeRejection } from '../../../../src/delivery/push/rejection.js';

const NOW = Date.parse('2026-11-22T10:00:00Z');

test.each([
  ['120', 120_000],
  ['Sun, 22 Nov 2026 10:00:30 GMT', 30_000],
  ['Sun, 22 Nov 2026 09:00:00 GMT', 0],
  ['soon', undefined],
  ['-1', undefined],
  ['1.5', undefined],
  [undefined, undefined],
])('Retry-After %j is %j ms', (value, ms) => {
  expect(parseRetryAfter(value, NOW)).toBe(ms);
});

test.each([
  [204, false],
  [301, false],
  [400, false],
  [401, false],
  [403, false],
  [404, false],
  [405, false],
  [408, true],
  [413, false],
  [429, true],
  [500, true],
  [502, true],
  [503, true],
])('status %i: worth another try is %s', (status, retryable) => {
  const error = refusalError('http://gw', { status, headers: {}, body: 'words' }, NOW);
  expect(error).toMatchObject({ status, retryable, serverMessage: 'words', exitCode: 3 });
});

test('an error page is one line of text', () => {
  const body =
    '<html>\n<head><style>p { color: red }</style></head><body><h1>413 Too\x07 Large</h1></body></html>';
  expect(refusalError('gw', { status: 413, headers: {}, body }, NOW).serverMessage).toBe('413 Too Large');
});

test("the gateway's own words are no page: what stands in angle brackets there says whose metric it is", () => {
  const body =
    'collected metric "up" { label:<name:"job" value:"shop" > gauge:<value:1 > } was collected before\n';
  expect(refusalError('gw', { status: 400, headers: {}, body }, NOW).serverMessage).toBe(body.trim());
});

test('a refusal that counts lines is shown with the line', () => {
  const error = refusalError(
    'gw',
    { status: 400, headers: {}, body: 'text format parsing error in line 2: no' },
    NOW,
  );
  expect(describeRejection(error, 'a 1\nb{ 2\n').message).toContain(
    'that is line 2 of the pushed text: b{ 2',
  );
});

test('what OpenSSL says is one line without the place in its sources', () => {
  const text =
    '80AC2B:error:0A000412:SSL routines:ssl3_read_bytes:sslv3 alert bad certificate:../rec_layer_s3.c:1601:SSL alert\n';
  const error = Object.assign(new Error(text), { code: 'ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE' });
  expect(connectionError('https://gw', error).message).toBe(
    'https://gw asks for a client certificate: sslv3 alert bad certificate (ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE)',
  );
});

test('what is refused is called what it was: a push, a reading or a deletion', () => {
  const refuse = (status: number, method: 'GET' | 'DELETE' | 'PUT') =>
    refusalError('http://gw', { status, headers: {}, body: 'no' }, NOW, method).message;
  expect(refuse(400, 'PUT')).toBe('http://gw refused the push (400): no');
  expect(refuse(400, 'GET')).toBe('http://gw could not be read (400): no');
  expect(refuse(400, 'DELETE')).toBe('http://gw refused the deletion (400): no');
  expect(refuse(302, 'PUT')).toContain('nothing was stored');
  expect(refuse(302, 'GET')).not.toContain('nothing was stored');
});

test('who denies access is named, the gateway or the proxy before it, with where the password stands', () => {
  const refuse = (status: number) => refusalError('http://gw', { status, headers: {}, body: '' }, NOW);
  expect(refuse(401).message).toBe('http://gw denied access (401)');
  expect(refuse(403).hint).toContain('PUSHGATEWAY_PASSWORD');
  expect(refuse(407).message).toBe('the proxy of http://gw denied access (407)');
  expect(refuse(407).hint).toContain('proxy_url');
});
