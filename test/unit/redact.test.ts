import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createRedaction, hideUserinfo, redactAddress, withoutUserinfo } from '../../src/redact.js';
import { long } from '../support/long.js';

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

/** How servers write what they were sent. */
const html = (text: string, spell: (code: number) => string) =>
  text.replace(/[&<>"'\u0080-\uffff]/g, (char) => spell(char.charCodeAt(0)));
const encodings: Readonly<Record<string, (text: string) => string>> = {
  'as it is': (text) => text,
  'as a part of a URL': (text) => encodeURIComponent(text),
  'as a URL': (text) => encodeURI(text),
  'in lower case': (text) => encodeURIComponent(text).replace(/%[0-9A-F]{2}/g, (code) => code.toLowerCase()),
  'as a form': (text) => new URLSearchParams([['', text]]).toString().slice(1),
  'as bytes of a URL': (text) => [...Buffer.from(text)].map((byte) => `%${byte.toString(16)}`).join(''),
  'in base64': (text) => Buffer.from(text).toString('base64'),
  'in base64url': (text) => Buffer.from(text).toString('base64url'),
  'in base64 as a part of a URL': (text) => encodeURIComponent(Buffer.from(text).toString('base64')),
  'in JSON': (text) => JSON.stringify(text).slice(1, -1),
  'in ASCII JSON': (text) =>
    text.replace(/[^a-z]/g, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`),
  'in HTML': (text) => html(text, (code) => `&#${code};`),
  'in hexadecimal HTML': (text) => html(text, (code) => `&#x${code.toString(16).toUpperCase()};`),
  'in HTML by names': (text) =>
    text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;'),
};
/** What a password and a token are made of; `~` and `|` tell them from what stands around. */
const sent = fc
  .string({ unit: fc.constantFrom(...'abcXYZ019 :+/=&<>"%\\?#$^*()[]{}.\'éß€') })
  .map((text) => `${text}~`)
  .filter((text) => text.length >= 4);

test.each(Object.keys(encodings))('a secret is hidden %s, and all around it stays', (name) => {
  fc.assert(
    fc.property(fc.array(sent, { minLength: 1, maxLength: 3 }), fc.nat(2), (secrets, which) => {
      const secret = secrets[which % secrets.length] ?? '';
      const said = `|${encodings[name]?.(secret)}|`;
      expect(createRedaction([secret])(`${said} and ${said}`)).toBe('|***| and |***|');
      const shown = createRedaction(secrets)(said);
      for (const encode of Object.values(encodings)) expect(shown).not.toContain(encode(secret));
    }),
    { numRuns: long ? 300 : 100 },
  );
});

test('a text that says nothing of the secrets stays as it is', () => {
  fc.assert(
    fc.property(fc.array(sent), fc.string({ unit: fc.constantFrom(...'nmo NMO,;-|') }), (secrets, text) => {
      expect(createRedaction(secrets)(text)).toBe(text);
    }),
  );
});

test('a secret that the end of the text cuts off is hidden, unless so little is left that it tells nothing', () => {
  const hide = createRedaction(['correct horse battery']);
  expect(hide('you sent: correct horse b')).toBe('you sent: ***');
  expect(hide('you sent: correct')).toBe('you sent: ***');
  expect(hide('this is corre')).toBe('this is corre');
});

test('a secret that is a part of another, or too short for one, spoils nothing', () => {
  expect(createRedaction(['horse', 'ops:horse', 'abc', ''])('ops:horse, horse, abc')).toBe('***, ***, abc');
  expect(createRedaction([])('as it is')).toBe('as it is');
});

test('a long text of broken characters costs no long search', () => {
  const hide = createRedaction(['é'.repeat(30), '\\'.repeat(12), '%'.repeat(30)]);
  const text = `${'\uFFFD'.repeat(29)} `.repeat(2000) + '%25'.repeat(20_000) + '%'.repeat(29);
  const before = performance.now();
  expect(hide(text)).toContain('\uFFFD');
  expect(performance.now() - before).toBeLessThan(3000);
});
