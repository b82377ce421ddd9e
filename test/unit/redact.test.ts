import fc from 'fast-check';
import { expect, test } from 'vitest';
import { hideUserinfo, redactAddress, withoutUserinfo } from '../../src/redact.js';

/** A secret of characters that a URL can hold before its host, an @ too. */
const secret = fc.stringMatching(/^[A-Za-z0-9:@!$&*+,;=._~%-]{4,20}$/).map((text) => `S3CRET${text}`);
const scheme = fc.constantFrom('http://', 'https://', 'HTTP://', '//');
const host = fc.constantFrom(
  'gateway',
  'gateway:9091',
  '[::1]:9091',
  'gw.example/base/path',
  'gw/job@base64/YQ',
);
const around = fc.constantFrom('', ' ', 'cannot reach ', '"', 'see ');

test('no secret of a URL in a text is left, and its host is', () => {
  fc.assert(
    fc.property(around, scheme, secret, host, around, (before, at, hidden, where, after) => {
      const shown = hideUserinfo(`${before}${at}user:${hidden}@${where}${after}`);
      expect(shown).toBe(`${before}${at}***@${where}${after}`);
    }),
  );
});

test('a text without userinfo stays as it is', () => {
  fc.assert(
    fc.property(around, scheme, host, around, (before, at, where, after) => {
      expect(hideUserinfo(`${before}${at}${where}${after}`)).toBe(`${before}${at}${where}${after}`);
    }),
  );
});

test('no secret of an address is left, whatever it holds', () => {
  fc.assert(
    fc.property(fc.constantFrom('http://', 'https://', ''), fc.string(), (at, text) => {
      const address = `${at}user:S3CRET${text}@gateway:9091`;
      expect(redactAddress(address)).toBe(`${at}***@gateway:9091`);
      expect(withoutUserinfo(address)).toBe(`${at}gateway:9091`);
    }),
  );
});

test.each([
  ['http://u:p@h/x', 'http://***@h/x'],
  ['u:p@h', '***@h'],
  ['http://u:p/a@b@h:x', 'http://***@h:x'],
  ['http://h', 'http://h'],
])('%s is shown as %s', (text, shown) => {
  expect(redactAddress(text)).toBe(shown);
});
