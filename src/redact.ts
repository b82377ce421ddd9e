/** What stands between a scheme and a host. A password may hold an @, so it reaches up to the last one. */
const USERINFO = /((?:[a-z][a-z0-9+.-]*:)?\/\/)[^\s/?#"'`]*@/gi;

/** A text with the userinfo of every URL in it hidden: for logs and for what a server said. */
export function hideUserinfo(text: string): string {
  return text.replace(USERINFO, '$1***@');
}

/** An address, even a broken one, with everything before its last @ hidden: a password may hold any character. */
export function redactAddress(address: string): string {
  return address.replace(/^([a-z][a-z0-9+.-]*:\/\/)?.*@/is, '$1***@');
}

/** An address without userinfo, for a process that must not have it. */
export function withoutUserinfo(address: string): string {
  return address.replace(/^(\s*(?:[a-z][a-z0-9+.-]*:\/\/)?).*@/is, '$1');
}

/** Anything shorter occurs in a text by chance, and is no secret that keeps anyone out. */
const SHORTEST_SECRET = 4;
/** What is left of a secret at the end of a text that was cut short is hidden from this length on. */
const SHORTEST_REMAINDER = 6;
const HIDDEN = '***';

/**
 * Hides secrets in what a server says: as they were sent, in base64, and with any of their characters escaped as a URL,
 * JSON, HTML or Go writes it. A secret of fewer than four characters is left.
 */
export function createRedaction(secrets: readonly string[]): (text: string) => string {
  const forms = [...new Set(secrets.filter(({ length }) => length >= SHORTEST_SECRET).flatMap(formsOf))];
  if (forms.length === 0) return (text) => text;
  // The longest first: a form may be a part of another.
  forms.sort((a, b) => b.length - a.length);
  const pattern = new RegExp(forms.map(escapedForm).join('|'), 'g');
  return (text) => hideCutOff(text.replace(pattern, HIDDEN), forms);
}

function formsOf(secret: string): string[] {
  const encoded = (['base64', 'base64url'] as const).map((as) => Buffer.from(secret, 'utf8').toString(as));
  return [secret, ...encoded, ...encoded.map((text) => text.replace(/=+$/, ''))];
}

function hideCutOff(text: string, forms: readonly string[]): string {
  for (const form of forms) {
    for (let length = Math.min(form.length, text.length); length >= SHORTEST_REMAINDER; length--)
      if (text.endsWith(form.slice(0, length))) return text.slice(0, -length) + HIDDEN;
  }
  return text;
}

/** A pattern for a text of which each character may be escaped. */
function escapedForm(text: string): string {
  return [...text].map(escapedCharacter).join('');
}

const NAMED: Readonly<Record<string, string>> = {
  '&': 'amp',
  '<': 'lt',
  '>': 'gt',
  '"': 'quot',
  "'": 'apos',
};
const LETTERS: Readonly<Record<string, string>> = { '\n': 'n', '\r': 'r', '\t': 't' };

/** The ways to write one character, the longer ones first. */
function escapedCharacter(character: string): string {
  const code = character.codePointAt(0) ?? 0;
  const named = NAMED[character];
  const letter = LETTERS[character];
  const ways = [
    [...Buffer.from(character, 'utf8')].map((byte) => `%${hex(byte, 2)}`).join(''),
    code < 0x100 ? `%${hex(code, 2)}|\\\\x${hex(code, 2)}` : '',
    Array.from({ length: character.length }, (_, at) => `\\\\u${hex(character.charCodeAt(at), 4)}`).join(''),
    `&#(?:0*${code}|[xX]0*${hex(code, 1)});`,
    named === undefined ? '' : `&${named};`,
    letter === undefined ? '' : `\\\\${letter}`,
    `\\\\?${literal(character)}`,
    character === ' ' ? '\\+' : '',
    // A header goes as Latin-1, and comes back as bytes that are no UTF-8.
    code >= 0x80 ? '\\uFFFD' : '',
  ];
  return `(?:${ways.filter((way) => way !== '').join('|')})`;
}

/** A number in hexadecimal, of at least so many digits, in either case. */
function hex(value: number, digits: number): string {
  const text = value.toString(16).padStart(digits, '0');
  return text.replace(/[a-f]/g, (letter) => `[${letter}${letter.toUpperCase()}]`);
}

function literal(character: string): string {
  return character.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&');
}
