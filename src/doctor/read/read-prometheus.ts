import { type GatewayRequests, openGatewayRequests } from '../../delivery/client/gateway-requests.js';
import { PushError } from '../../delivery/http/push-error.js';
import { parseDuration } from '../../duration.js';
import type { AlertRule, PrometheusEvidence, Scrape } from '../evidence.js';
import { ask, jsonOf } from './ask.js';

interface Target {
  readonly labels?: Readonly<Record<string, string>>;
  readonly scrapePool?: string;
  readonly scrapeUrl?: string;
  readonly health?: string;
  readonly lastError?: string;
  readonly scrapeInterval?: string;
}

interface Rule {
  readonly type?: string;
  readonly name?: string;
  readonly lastError?: string;
  readonly alerts?: readonly {
    readonly state?: string;
    readonly labels?: Readonly<Record<string, string>>;
  }[];
}

type Series = Readonly<Record<string, string>>;

/** What tells a gateway from others, by whatever name Prometheus knows it. */
export interface ScrapedGateway {
  readonly target: string;
  /** When its process began, as its `/metrics` has it. */
  readonly startSeconds: number | undefined;
}

/**
 * Reads what Prometheus tells of its scrape of a gateway, and of its alerts.
 *
 * @throws UsageError for what is wrong with the address.
 */
export async function readPrometheus(
  address: string,
  gateway: ScrapedGateway | undefined,
  timeoutMs: number,
): Promise<PrometheusEvidence> {
  // With nothing of the gateway's access: its credentials are not for others.
  const requests = await openGatewayRequests({ gateway: address }, timeoutMs);
  const { target } = requests;
  try {
    const buildInfo = await ask(requests, '/api/v1/status/buildinfo');
    const version = (jsonOf(buildInfo) as { data?: { version?: string } } | undefined)?.data?.version;
    if (version === undefined) {
      const problem =
        buildInfo instanceof PushError
          ? buildInfo.message
          : `${target} answered ${buildInfo.status}, and not as a Prometheus`;
      return { target, buildInfo, problem };
    }
    return { target, buildInfo, version, ...(await readAll(requests, gateway)) };
  } catch (error) {
    if (!(error instanceof Unreadable)) throw error;
    const nothing = new PushError('UNREADABLE', error.message, { retryable: false });
    return { target, buildInfo: nothing, problem: error.message };
  } finally {
    requests.close();
  }
}

class Unreadable extends Error {}

async function readAll(
  requests: GatewayRequests,
  gateway: ScrapedGateway | undefined,
): Promise<Pick<PrometheusEvidence, 'scrapes' | 'series' | 'alerts'>> {
  const { activeTargets = [] } = await dataOf<{ activeTargets?: readonly Target[] }>(
    requests,
    '/api/v1/targets?state=active',
  );
  const { yaml = '' } = await dataOf<{ yaml?: string }>(requests, '/api/v1/status/config');
  const { groups = [] } = await dataOf<{ groups?: readonly { rules?: readonly Rule[] }[] }>(
    requests,
    '/api/v1/rules?type=alert',
  );
  const starts = await query(requests, 'process_start_time_seconds');
  const honours = await readHonorLabels(yaml);
  return {
    scrapes: findScrapes(activeTargets, starts, gateway).map((found) => toScrape(found, honours)),
    series: (await query(requests, 'push_time_seconds')).map(({ labels }) => labels),
    alerts: groups.flatMap(({ rules = [] }) => rules).flatMap(toAlert),
  };
}

async function dataOf<T extends object>(requests: GatewayRequests, path: string): Promise<T> {
  const reading = await ask(requests, path);
  const { data } = (jsonOf(reading) ?? {}) as { data?: T };
  if (data) return data;
  const reason = reading instanceof PushError ? reading.message : `${reading.status}`;
  throw new Unreadable(`${requests.target}${path} cannot be read: ${reason}`);
}

async function query(
  requests: GatewayRequests,
  expr: string,
): Promise<readonly { readonly labels: Series; readonly value: number }[]> {
  const path = `/api/v1/query?query=${encodeURIComponent(expr)}`;
  const { result = [] } = await dataOf<{
    result?: readonly { metric: Series; value: readonly [number, string] }[];
  }>(requests, path);
  return result.map(({ metric, value }) => ({ labels: metric, value: Number(value[1]) }));
}

/** By address; Prometheus may know the gateway by another, and then it is the one whose process began at that time. */
function findScrapes(
  targets: readonly Target[],
  starts: readonly { readonly labels: Series; readonly value: number }[],
  gateway: ScrapedGateway | undefined,
): readonly Target[] {
  if (!gateway) return [];
  const { host } = new URL(gateway.target);
  const byAddress = targets.filter(({ scrapeUrl = '' }) => hostOf(scrapeUrl) === host);
  if (byAddress.length > 0) return byAddress;
  const same = starts.filter(({ value }) => value === gateway.startSeconds).map(({ labels }) => labels);
  return targets.filter(({ labels = {} }) =>
    same.some(({ job, instance }) => job === labels.job && instance === labels.instance),
  );
}

function hostOf(url: string): string {
  return URL.canParse(url) ? new URL(url).host : '';
}

function toScrape(
  {
    scrapeUrl = '',
    scrapePool = '',
    labels = {},
    health = '',
    lastError = '',
    scrapeInterval = '1m',
  }: Target,
  honours: ReadonlyMap<string, boolean>,
): Scrape {
  return {
    url: scrapeUrl,
    job: labels.job ?? '',
    health,
    lastError,
    intervalSeconds: (parseDuration(scrapeInterval) ?? 60_000) / 1000,
    honorLabels: honours.get(scrapePool),
  };
}

function toAlert({ type, name = '', lastError = '', alerts = [] }: Rule): readonly AlertRule[] {
  if (type !== 'alerting') return [];
  const firing = alerts.filter(({ state }) => state === 'firing').map(({ labels = {} }) => labels);
  return [{ name, lastError, firing }];
}

/** Whether each scrape of the configuration honours labels; without it, it does not. */
async function readHonorLabels(yaml: string): Promise<ReadonlyMap<string, boolean>> {
  const { parse } = await import('yaml');
  const { scrape_configs: scrapes = [] } = (parse(yaml) ?? {}) as {
    scrape_configs?: readonly { job_name: string; honor_labels?: boolean }[];
  };
  return new Map(scrapes.map(({ job_name, honor_labels = false }) => [job_name, honor_labels]));
}
