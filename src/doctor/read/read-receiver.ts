import { startDeadline } from '../../delivery/deadline.js';
import { type Connection, type HttpRequest, openConnection } from '../../delivery/http/connection.js';
import { PushError } from '../../delivery/http/push-error.js';
import { HEADERS, type ReceiverConfig } from '../../delivery/remote-write/receiver/receiver.js';
import { encodeSnappy } from '../../delivery/remote-write/wire/snappy.js';
import { parseDuration } from '../../duration.js';
import { version as ownVersion } from '../../version.js';
import { isPage } from '../answer.js';
import type { Reading, ReceiverEvidence, ReceiverServer } from '../evidence.js';
import { jsonOf, reading } from './ask.js';

/** Where Prometheus and VictoriaMetrics take remote write; their pages are beside it. */
const WRITE_PATH = '/api/v1/write';
/** A request of no series. */
const NOTHING = encodeSnappy(new Uint8Array(0));
const AGENT = { 'User-Agent': `prombatch/${ownVersion}` };
const RECENT = `count(last_over_time(batch_job_last_completion_timestamp_seconds{delivery="remote_write"}[1d]))`;

/** Reads all that a receiver tells. It stores nothing there: what is written holds no sample. */
export async function readReceiverEvidence(
  config: ReceiverConfig,
  timeoutMs: number,
): Promise<ReceiverEvidence> {
  const { name: target, flags, path } = config;
  const requests = await openRequests(config, timeoutMs);
  try {
    const probe = await requests.write(path);
    const evidence = { target, flags, probe };
    if (!takesWrites(probe)) {
      const elsewhere = await findElsewhere(config, probe, requests);
      return elsewhere === undefined ? evidence : { ...evidence, elsewhere };
    }
    const [at = '', query = ''] = splitQuery(path);
    if (!at.endsWith(WRITE_PATH)) return evidence;
    // A token in the query opens the other pages, too.
    const base = at.slice(0, -WRITE_PATH.length);
    const page = (name: string): Promise<Reading> =>
      requests.get(`${base}${name}${query && (name.includes('?') ? '&' : '?')}${query}`);
    const server =
      (await readPrometheusPages(page, config.address.display + base)) ?? (await readVictoriaPages(page));
    const recentGroups = server && (await readRecentGroups(page));
    return {
      ...evidence,
      ...(server ? { server } : {}),
      ...(recentGroups === undefined ? {} : { recentGroups }),
    };
  } finally {
    requests.close();
  }
}

function takesWrites(probe: Reading): boolean {
  return !(probe instanceof PushError) && probe.status >= 200 && probe.status < 300 && !isPage(probe);
}

type Page = (name: string) => Promise<Reading>;

interface Requests {
  get(path: string): Promise<Reading>;
  /** Writes nothing. */
  write(path: string): Promise<Reading>;
  close(): void;
}

async function openRequests({ address, access }: ReceiverConfig, timeoutMs: number): Promise<Requests> {
  const connection: Connection = await openConnection(address, access);
  const send = (request: HttpRequest): Promise<Reading> =>
    reading(async () => {
      const deadline = startDeadline(timeoutMs);
      try {
        return await connection.send(request, { timeoutMs, signal: deadline.signal });
      } finally {
        deadline.dispose();
      }
    });
  return {
    get: (path) => send({ method: 'GET', path, headers: AGENT }),
    write: (path) => send({ method: 'POST', path, headers: HEADERS, body: NOTHING }),
    close: () => connection.close(),
  };
}

/** The usual place of a receiver on the same host, if the one that was given is none. */
async function findElsewhere(
  { path, address }: ReceiverConfig,
  probe: Reading,
  requests: Requests,
): Promise<string | undefined> {
  const [at, query = ''] = splitQuery(path);
  if (probe instanceof PushError || at === WRITE_PATH || [401, 403].includes(probe.status)) return undefined;
  const usual = await requests.write(WRITE_PATH + (query && `?${query}`));
  return takesWrites(usual) ? address.display + WRITE_PATH : undefined;
}

async function readPrometheusPages(page: Page, base: string): Promise<ReceiverServer | undefined> {
  const { version } = await dataOf(page, '/api/v1/status/buildinfo');
  const { storageRetention } = await dataOf(page, '/api/v1/status/runtimeinfo');
  // VictoriaMetrics has the first of these pages alone.
  if (typeof version !== 'string' || typeof storageRetention !== 'string') return undefined;
  const { yaml } = await dataOf(page, '/api/v1/status/config');
  const { headStats } = await dataOf(page, '/api/v1/status/tsdb');
  const windowMs = typeof yaml === 'string' ? await readWindow(yaml) : undefined;
  // `15d`, `15d or 10GiB`, `10GiB`.
  const retentionMs = parseDuration(storageRetention.split(' ', 1)[0] ?? '');
  // Without a sample, it is the least number there is.
  const newestMs = Number(fieldsOf(headStats).maxTime);
  return {
    kind: 'prometheus',
    version,
    base,
    ...(windowMs === undefined ? {} : { windowMs }),
    ...(retentionMs === undefined ? {} : { retentionMs }),
    ...(newestMs > 0 ? { newestMs } : {}),
  };
}

/** A configuration that does not name the window has none. */
async function readWindow(yaml: string): Promise<number | undefined> {
  const { parseDocument } = await import('yaml');
  const document = parseDocument(yaml);
  if (document.errors.length > 0) return undefined;
  return parseDuration(String(document.getIn(['storage', 'tsdb', 'out_of_order_time_window']) ?? 0));
}

/** `/flags` has only what was set; `/metrics` has all flags. */
async function readVictoriaPages(page: Page): Promise<ReceiverServer | undefined> {
  const metrics = await page('/metrics');
  if (metrics instanceof PushError || metrics.status !== 200) return undefined;
  const [, dedup] = /^flag\{name="dedup\.minScrapeInterval", ?value="([^"]*)"/m.exec(metrics.body) ?? [];
  const dedupMs = dedup === undefined ? undefined : parseDuration(dedup);
  return dedupMs === undefined ? undefined : { kind: 'victoria-metrics', dedupMs };
}

async function readRecentGroups(page: Page): Promise<number | undefined> {
  const { result } = await dataOf(page, `/api/v1/query?query=${encodeURIComponent(RECENT)}`);
  if (!Array.isArray(result)) return undefined;
  const { value = [0, 0] } = fieldsOf(result[0]);
  const count = Number(Array.isArray(value) ? value[1] : Number.NaN);
  return Number.isFinite(count) ? count : undefined;
}

/** The `data` of an answer; without fields if it is something else. */
async function dataOf(page: Page, name: string): Promise<Fields> {
  return fieldsOf(fieldsOf(jsonOf(await page(name))).data);
}

type Fields = Readonly<Record<string, unknown>>;

function fieldsOf(value: unknown): Fields {
  return typeof value === 'object' && value !== null ? (value as Fields) : {};
}

function splitQuery(path: string): readonly string[] {
  const at = path.indexOf('?');
  return at === -1 ? [path] : [path.slice(0, at), path.slice(at + 1)];
}
