import { validateHeaderValue } from 'node:http';
import { isIP } from 'node:net';
import { dirname, resolve } from 'node:path';
import { checkServerIdentity, createSecureContext, type PeerCertificate } from 'node:tls';
import { UsageError } from '../../errors.js';
import { NoRegularFile, readRegularFile } from '../../files/regular-file.js';
import { basicAuthorization, type HttpAccess, proxyAuthorization, type TlsAccess } from './access.js';

export type Mapping = Readonly<Record<string, unknown>>;

/** What Prometheus' own `http_config` knows besides, and what to do instead. */
const UNSUPPORTED: Readonly<Record<string, string>> = {
  oauth2: 'fetch a token before the run and give it with authorization.credentials_file',
  follow_redirects: 'a push is never redirected',
  enable_http2: 'a push is one request of HTTP/1.1',
  proxy_from_environment: 'give the proxy with proxy_url',
  no_proxy: 'leave proxy_url out for this gateway',
  proxy_connect_header: 'leave it out',
};

/**
 * How to get into a gateway, from a file in the YAML form of Prometheus' `http_config`: basic_auth, authorization,
 * tls_config, proxy_url and http_headers, with a `_file` beside each secret. Relative paths start at the file's
 * folder. Unknown keys are refused by name.
 *
 * @throws UsageError that never shows a value.
 */
export async function readHttpConfig(path: string): Promise<HttpAccess> {
  const { document, reader } = await openConfigFile('http-config-file', path);
  const config = mapping('the file', document ?? {}, reader, [...ACCESS_KEYS, 'http_headers']);
  return toAccess(config, reader);
}

/** What of a configuration says how to get in, beside headers. */
export const ACCESS_KEYS = ['basic_auth', 'authorization', 'tls_config', 'proxy_url'] as const;

/**
 * A configuration file in YAML, whose values are all texts.
 *
 * @param option names the file in errors.
 * @throws UsageError that never shows a value.
 */
export async function openConfigFile(
  option: string,
  path: string,
): Promise<{ readonly document: unknown; readonly reader: Reader }> {
  const { parse, LineCounter } = await import('yaml');
  const lineCounter = new LineCounter();
  const fail = (problem: string, hint?: string): never => {
    throw new UsageError(`${option}: ${path}: ${problem}`, hint === undefined ? {} : { hint });
  };
  const read = (file: string): string => {
    try {
      return readRegularFile(resolve(dirname(path), file));
    } catch (error) {
      return fail(`cannot read ${file}: ${whyUnreadable(error)}`);
    }
  };
  let yaml: string;
  try {
    yaml = readRegularFile(path);
  } catch (error) {
    return fail(`cannot be read: ${whyUnreadable(error)}`);
  }
  try {
    const document: unknown = parse(yaml, { prettyErrors: false, lineCounter, schema: 'failsafe' });
    return { document, reader: { read, fail } };
  } catch (error) {
    // The parser's own words may quote a secret, so only the place is told.
    const { pos, code } = error as { pos?: readonly number[]; code?: string };
    const line = pos?.[0] === undefined ? undefined : lineCounter.linePos(pos[0]).line;
    return fail(
      line === undefined
        ? `cannot be read: ${code ?? 'unknown error'}`
        : `expected YAML, got an error in line ${line}`,
    );
  }
}

function whyUnreadable(error: unknown): string {
  return error instanceof NoRegularFile
    ? error.message
    : ((error as NodeJS.ErrnoException).code ?? 'unknown error');
}

/** Reads what a configuration names, and says what is wrong with it. */
export interface Reader {
  /** A file's text, from a path as the configuration gives it. */
  readonly read: (file: string) => string;
  readonly fail: (problem: string, hint?: string) => never;
}

/** How to get in, from keys in the form of Prometheus' own. */
export function toAccess(config: Mapping, reader: Reader): HttpAccess {
  if (config.basic_auth !== undefined && config.authorization !== undefined) {
    reader.fail('expected basic_auth or authorization, got both');
  }
  const authorization = basicAuth(config.basic_auth, reader) ?? bearerAuth(config.authorization, reader);
  const tls = tlsConfig(config.tls_config, reader);
  const proxyUrl = text('proxy_url', config.proxy_url, reader);
  if (proxyUrl !== undefined && !isProxyUrl(proxyUrl)) {
    reader.fail('proxy_url: expected an http:// URL of a proxy, such as http://proxy:3128');
  }
  return {
    ...(authorization === undefined ? {} : { authorization }),
    ...httpHeaders(config.http_headers, reader),
    ...(tls === undefined ? {} : { tls }),
    ...(proxyUrl === undefined ? {} : { proxyUrl }),
  };
}

function isProxyUrl(url: string): boolean {
  if (!/^http:\/\/[^\s/]+\/?$/i.test(url) || !URL.canParse(url)) return false;
  try {
    proxyAuthorization(url);
    return true;
  } catch {
    return false;
  }
}

function basicAuth(value: unknown, reader: Reader): string | undefined {
  if (value === undefined) return undefined;
  const config = mapping('basic_auth', value, reader, [
    'username',
    'username_file',
    'password',
    'password_file',
  ]);
  const username = secret('basic_auth', 'username', config, reader) ?? '';
  const password = secret('basic_auth', 'password', config, reader) ?? '';
  return basicAuthorization({ username, password });
}

function bearerAuth(value: unknown, reader: Reader): string | undefined {
  if (value === undefined) return undefined;
  const config = mapping('authorization', value, reader, ['type', 'credentials', 'credentials_file']);
  const type = text('authorization.type', config.type, reader) ?? 'Bearer';
  const credentials = secret('authorization', 'credentials', config, reader);
  if (credentials === undefined)
    return reader.fail('authorization: expected credentials or credentials_file');
  const authorization = `${type} ${credentials}`;
  checkHeader('authorization', 'Authorization', authorization, reader);
  return authorization;
}

function tlsConfig(value: unknown, reader: Reader): HttpAccess['tls'] {
  if (value === undefined) return undefined;
  const config = mapping('tls_config', value, reader, [
    'ca',
    'ca_file',
    'cert',
    'cert_file',
    'key',
    'key_file',
    'server_name',
    'insecure_skip_verify',
  ]);
  const skip = config.insecure_skip_verify ?? 'false';
  if (skip !== 'true' && skip !== 'false')
    return reader.fail('tls_config.insecure_skip_verify: expected true or false');
  const ca = secret('tls_config', 'ca', config, reader);
  const cert = secret('tls_config', 'cert', config, reader);
  const key = secret('tls_config', 'key', config, reader);
  const servername = text('tls_config.server_name', config.server_name, reader);
  if (servername !== undefined && !/^[A-Za-z0-9.:_*-]+$/.test(servername))
    reader.fail('tls_config.server_name: expected a host name');
  if ((cert === undefined) !== (key === undefined))
    return reader.fail('tls_config: expected cert and key together');
  try {
    createSecureContext({ ca, cert, key });
  } catch (error) {
    return reader.fail(
      `tls_config: the certificates or the key cannot be used: ${(error as NodeJS.ErrnoException).code}`,
    );
  }
  return {
    rejectUnauthorized: skip === 'false',
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
    ...(servername === undefined ? {} : verifiedAs(servername)),
  };
}

/** An IP address is no name to ask for (RFC 6066, section 3), and is only what the certificate must be for. */
function verifiedAs(servername: string): Pick<TlsAccess, 'servername' | 'checkServerIdentity'> {
  if (isIP(servername) === 0) return { servername };
  return {
    checkServerIdentity: (_host, certificate) =>
      checkServerIdentity(servername, certificate as PeerCertificate),
  };
}

/** Headers whose values are secrets, even if they are given as `values`. */
export const SECRET_HEADER = /auth|cookie|credential|key|passw|secret|session|signature|token/i;

function httpHeaders(value: unknown, reader: Reader): Pick<HttpAccess, 'headers' | 'headerSecrets'> {
  if (value === undefined) return { headers: [] };
  const headerSecrets: string[] = [];
  const headers = Object.entries(mapping('http_headers', value, reader)).map(([name, given]) => {
    checkHeaderName('http_headers', name, reader);
    const at = `http_headers.${name}`;
    const config = mapping(at, given, reader, ['values', 'secrets', 'files']);
    const files = list(`${at}.files`, config.files, reader).map((file) => reader.read(file).trim());
    const plain = list(`${at}.values`, config.values, reader);
    const secrets = [...list(`${at}.secrets`, config.secrets, reader), ...files];
    headerSecrets.push(...secrets, ...(SECRET_HEADER.test(name) ? plain : []));
    const values = [...plain, ...secrets];
    for (const value of values) checkHeader(at, name, value, reader);
    return [name, values] as const;
  });
  return { headers, headerSecrets };
}

export function checkHeaderName(at: string, name: string, reader: Reader): void {
  if (!/^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/.test(name))
    reader.fail(`${at}: ${JSON.stringify(name)} is no header name`);
  if (/^(?:authorization|host|content-.*|user-agent)$/i.test(name))
    reader.fail(`${at}: ${name} is set by prombatch itself`);
}

/** A value that came from a file may hold anything, and Node throws where such a header is set. */
export function checkHeader(at: string, name: string, value: string, { fail }: Reader): void {
  try {
    validateHeaderValue(name, value);
  } catch {
    fail(`${at}: a value has characters that no header can have`, 'is there a line break inside it?');
  }
}

/** A value given in place or by a file beside it, whose final newlines do not count. */
function secret(at: string, name: string, config: Mapping, reader: Reader): string | undefined {
  const inPlace = text(`${at}.${name}`, config[name], reader);
  const file = text(`${at}.${name}_file`, config[`${name}_file`], reader);
  if (inPlace !== undefined && file !== undefined)
    return reader.fail(`${at}: expected ${name} or ${name}_file, got both`);
  return file === undefined ? inPlace : reader.read(file).replace(/[\r\n]+$/, '');
}

export function mapping(at: string, value: unknown, { fail }: Reader, known?: readonly string[]): Mapping {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    return fail(`${at}: expected keys and values`);
  for (const key of Object.keys(value)) {
    if (!known || known.includes(key)) continue;
    const instead = UNSUPPORTED[key];
    if (instead) return fail(`${key} is not supported`, instead);
    return fail(`${at}: expected ${known.join(', ')}, got the key ${shownKey(key)}`);
  }
  return value as Mapping;
}

/** A key as far as it is one: what stands behind a forgotten blank may be a secret. */
function shownKey(key: string): string {
  const name = /^[A-Za-z0-9_-]*/.exec(key)?.[0] ?? '';
  return JSON.stringify(name === key ? key : `${name}…`);
}

export function text(at: string, value: unknown, { fail }: Reader): string | undefined {
  if (value === undefined || value === null) return undefined;
  return typeof value === 'string' ? value : fail(`${at}: expected a text`);
}

function list(at: string, value: unknown, reader: Reader): string[] {
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value)) return reader.fail(`${at}: expected a list`);
  return value.map((item) => text(at, item, reader) ?? reader.fail(`${at}: expected a text`));
}
