import { parseDuration } from '../../../duration.js';
import { UsageError } from '../../../errors.js';
import { type HttpAccess, NO_ACCESS } from '../../http/access.js';
import {
  ACCESS_KEYS,
  checkHeader,
  checkHeaderName,
  type Mapping,
  mapping,
  openConfigFile,
  type Reader,
  SECRET_HEADER,
  text,
  toAccess,
} from '../../http/http-config.js';
import { NoWayIn, REMOTE_TIMEOUT_MS, type ReceiverConfig } from './receiver.js';
import { parseReceiverAddress, withQuery } from './receiver-address.js';

const OPTION = 'remote-write-file';
const KEYS = ['url', 'name', 'remote_timeout', 'headers', ...ACCESS_KEYS];
/**
 * The receivers of a file in the form of Prometheus' own `remote_write`: a list, or a configuration with that key alone.
 * Keys that are not supported are refused by name.
 *
 * @returns one function a receiver, which throws UsageError for what is wrong with it alone.
 * @throws UsageError that never shows a value.
 */
export async function readReceiversFile(path: string): Promise<(() => ReceiverConfig)[]> {
  const { document, reader } = await openConfigFile(OPTION, path);
  const list = Array.isArray(document)
    ? document
    : mapping('the file', document ?? {}, reader, ['remote_write']).remote_write;
  if (!Array.isArray(list) || list.length === 0)
    return reader.fail('expected a list of receivers, as remote_write of Prometheus has it');
  return list.map((each, index) => () => toReceiver(each, `remote_write[${index}]`, path, reader));
}

function toReceiver(value: unknown, at: string, file: string, reader: Reader): ReceiverConfig {
  const config = mapping(at, value, reader, KEYS);
  const url = text(`${at}.url`, config.url, reader);
  if (url === undefined) return reader.fail(`${at}: expected url`);
  const { address, path, display } = addressOf(url, at, reader);
  const given = text(`${at}.name`, config.name, reader);
  if (given !== undefined && !/^[\w .:/@-]{1,100}$/.test(given))
    reader.fail(`${at}.name: expected at most 100 letters, digits, blanks and . : / @ - _`);
  const name = given === undefined ? display : `${given} (${display})`;
  const flags = [[`--${OPTION}`, file]] as const;
  try {
    const access = { ...NO_ACCESS, ...toAccess(config, reader), ...headersOf(config, at, reader) };
    const timeoutMs = timeoutOf(config, at, reader);
    return { name, flags, address, path, access: withQuery(access, path), timeoutMs };
  } catch (error) {
    throw error instanceof UsageError ? new NoWayIn(error, { name, flags }) : error;
  }
}

function addressOf(url: string, at: string, reader: Reader): ReturnType<typeof parseReceiverAddress> {
  try {
    return parseReceiverAddress(url);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    return reader.fail(`${at}.url: ${error.message.replace(/^[\w-]+: /, '')}`);
  }
}

function timeoutOf(config: Mapping, at: string, reader: Reader): number {
  const given = text(`${at}.remote_timeout`, config.remote_timeout, reader);
  if (given === undefined) return REMOTE_TIMEOUT_MS;
  return parseDuration(given) || reader.fail(`${at}.remote_timeout: expected a duration such as 30s`);
}

function headersOf(
  config: Mapping,
  at: string,
  reader: Reader,
): Pick<HttpAccess, 'headers' | 'headerSecrets'> {
  if (config.headers === undefined) return { headers: [] };
  const headers = Object.entries(mapping(`${at}.headers`, config.headers, reader)).map(([name, given]) => {
    checkHeaderName(`${at}.headers`, name, reader);
    if (/^x-prometheus-remote-write-/i.test(name))
      reader.fail(`${at}.headers: ${name} is set by prombatch itself`);
    const value =
      text(`${at}.headers.${name}`, given, reader) ?? reader.fail(`${at}.headers.${name}: expected a text`);
    checkHeader(`${at}.headers.${name}`, name, value, reader);
    return [name, [value]] as const;
  });
  const headerSecrets = headers.flatMap(([name, values]) => (SECRET_HEADER.test(name) ? values : []));
  return { headers, headerSecrets };
}
