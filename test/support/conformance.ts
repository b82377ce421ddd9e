import { request as httpRequest } from 'node:http';
import type { CaseRequest, ConformanceCase } from './conformance-cases.js';

/** What a gateway shows after the requests of a case, with times made equal. */
export interface Observation {
  readonly statuses: readonly number[];
  /** Where each redirect points. */
  readonly locations: readonly string[];
  /** The lines of `/metrics` that belong to a job, sorted, types among them. */
  readonly metrics: readonly string[];
  readonly api: unknown;
}

interface Reply {
  readonly status: number;
  readonly location: string | undefined;
  readonly body: string;
}

/** Sends the path as it stands: fetch would clean it first. */
export function send(base: string, { method, path, body, headers = {} }: CaseRequest): Promise<Reply> {
  const { hostname, port } = new URL(base);
  return new Promise((resolve, reject) => {
    const outgoing = httpRequest({ hostname, port, method, path, headers, agent: false }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk) => chunks.push(chunk));
      response.on('end', () =>
        resolve({
          status: response.statusCode ?? 0,
          location: response.headers.location,
          body: Buffer.concat(chunks).toString('utf8'),
        }),
      );
    });
    outgoing.on('error', reject);
    outgoing.end(body);
  });
}

export async function observe(
  base: string,
  { requests }: Pick<ConformanceCase, 'requests'>,
): Promise<Observation> {
  const statuses: number[] = [];
  const locations: string[] = [];
  for (const request of requests) {
    const { status, location } = await send(base, request);
    statuses.push(status);
    if (location !== undefined) locations.push(location);
  }
  await passQueue(base);
  const metrics = await send(base, { method: 'GET', path: '/metrics' });
  const api = await send(base, { method: 'GET', path: '/api/v1/metrics' });
  if (metrics.status !== 200 || api.status !== 200) throw new Error(`reading it back: ${metrics.body}`);
  return { statuses, locations, metrics: pushedLines(metrics.body), api: withoutTimes(JSON.parse(api.body)) };
}

const BARRIER = 'barrier_of_the_suite';

/** Waits until the gateway has carried out what it queued: a DELETE is answered before it is carried out. */
async function passQueue(base: string): Promise<void> {
  await send(base, { method: 'POST', path: `/metrics/job/${BARRIER}`, body: `${BARRIER} 1\n` });
}

/** Families of jobs: their samples with values as numbers, and their types. The gateway's own are left out. */
function pushedLines(text: string): string[] {
  const types = new Map<string, string>();
  const lines: string[] = [];
  const used = new Set<string>();
  for (const line of text.split('\n')) {
    const [, family, type] = /^# TYPE (\S+) (\S+)$/.exec(line) ?? [];
    if (family && type) types.set(family, type);
    const [, name = '', labels = '', value = ''] = /^([^\s{#]+)(\{.*\bjob=".*\}) (\S+)$/.exec(line) ?? [];
    if (name === '' || labels.includes(`job="${BARRIER}"`)) continue;
    const owner = types.has(name) ? name : name.replace(/_(?:sum|count|bucket)$/, '');
    used.add(`TYPE ${owner} ${types.get(owner)}`);
    lines.push(
      `${name}${sortedLabels(labels)} ${/^push_(?:failure_)?time_seconds$/.test(name) ? moment(value) : Number(value.replace('Inf', 'Infinity'))}`,
    );
  }
  return [...lines, ...used].sort();
}

function sortedLabels(labels: string): string {
  return (labels.match(/[a-zA-Z_]\w*="(?:[^"\\]|\\.)*"/g) ?? []).sort().join(',');
}

const moment = (value: string): string => (Number(value) === 0 ? 'never' : 'then');

function withoutTimes(answer: unknown): unknown {
  const { data } = answer as { data: Record<string, unknown>[] };
  const observed = data.filter(({ labels }) => (labels as { job?: string }).job !== BARRIER);
  const groups = observed.map((group) =>
    Object.fromEntries(
      Object.entries(group).map(([name, content]) => {
        if (name === 'labels' || name === 'last_push_successful') return [name, content];
        const { time_stamp, metrics, ...family } = content as {
          time_stamp: string;
          metrics: { value?: string }[];
        };
        const timed = /^push_(?:failure_)?time_seconds$/.test(name);
        return [
          name,
          {
            ...family,
            stamped: !Number.isNaN(Date.parse(time_stamp)),
            metrics: metrics.map((metric) =>
              timed ? { ...metric, value: moment(metric.value ?? '') } : metric,
            ),
          },
        ];
      }),
    ),
  );
  const key = (group: Record<string, unknown>) => JSON.stringify(Object.entries(group.labels ?? {}).sort());
  return groups.sort((a, b) => (key(a) < key(b) ? -1 : 1));
}

/** Empties a gateway by deleting what it lists. */
export async function empty(base: string): Promise<void> {
  const { body } = await send(base, { method: 'GET', path: '/api/v1/metrics' });
  for (const { labels } of (JSON.parse(body) as { data: { labels: Record<string, string> }[] }).data) {
    const { job = '', ...others } = labels;
    const encode = (value: string) => `@base64/${Buffer.from(value).toString('base64url') || '='}`;
    const rest = Object.entries(others).map(([name, value]) => `/${name}${encode(value)}`);
    await send(base, { method: 'DELETE', path: `/metrics/job${encode(job)}${rest.join('')}` });
  }
}
