import { openGatewayRequests, readDate } from '../../delivery/client/gateway-requests.js';
import type { GatewayAccess } from '../../delivery/client/open-client.js';
import { PushError } from '../../delivery/http/push-error.js';
import { type GatewayGroup, readGroups } from '../../exposition/api-groups.js';
import type { GatewayEvidence, Instead, Reading } from '../evidence.js';
import { ask, jsonOf } from './ask.js';

/** Reads all that a gateway tells, changing nothing. @throws UsageError for what is wrong with the address. */
export async function readGatewayEvidence(
  access: GatewayAccess,
  timeoutMs: number,
): Promise<GatewayEvidence> {
  const requests = await openGatewayRequests(access, timeoutMs);
  const { target } = requests;
  try {
    const status = await ask(requests, '/api/v1/status');
    const about = readAbout(status);
    const nowSeconds = dateOf(status) ?? Date.now() / 1000;
    if (!about) {
      const isOther = !(status instanceof PushError) && (status.status === 404 || status.status === 200);
      const instead = isOther ? await lookAround(access, timeoutMs, target) : undefined;
      return { target, status, nowSeconds, ...(instead ? { instead } : {}) };
    }
    const metrics = await ask(requests, '/metrics');
    const api = await ask(requests, '/api/v1/metrics');
    const groups = groupsOf(api);
    return { target, status, about, metrics, api, nowSeconds, ...(groups ? { groups } : {}) };
  } finally {
    requests.close();
  }
}

function readAbout(status: Reading): GatewayEvidence['about'] {
  const { data } = (jsonOf(status) ?? {}) as {
    data?: { flags?: Readonly<Record<string, string>>; build_information?: { version?: string } };
  };
  const version = data?.build_information?.version;
  return typeof version === 'string' && data?.flags ? { version, flags: data.flags } : undefined;
}

/** What is there if not a Pushgateway: what people confuse it with, or one without the path prefix. */
async function lookAround(
  access: GatewayAccess,
  timeoutMs: number,
  target: string,
): Promise<Instead | undefined> {
  const here = await openGatewayRequests(access, timeoutMs);
  try {
    const info = await ask(here, '/api/v1/status/buildinfo');
    if (jsonOf(info) !== undefined) return { kind: 'prometheus' };
  } finally {
    here.close();
  }
  const { origin } = new URL(target);
  if (origin === target) return undefined;
  // The address as it was given may have userinfo, and keeps it.
  const url = new URL(/:\/\//.test(access.gateway) ? access.gateway : `http://${access.gateway}`);
  url.pathname = '/';
  const root = await openGatewayRequests({ ...access, gateway: url.href }, timeoutMs);
  try {
    return readAbout(await ask(root, '/api/v1/status')) ? { kind: 'elsewhere', target: origin } : undefined;
  } finally {
    root.close();
  }
}

function groupsOf(api: Reading): readonly GatewayGroup[] | undefined {
  const answer = jsonOf(api);
  if (answer === undefined) return undefined;
  try {
    return readGroups(answer);
  } catch {
    return undefined;
  }
}

function dateOf(reading: Reading): number | undefined {
  return reading instanceof PushError ? undefined : readDate(reading.headers);
}
