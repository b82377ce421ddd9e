import { monotonicMs } from '../../clock.js';
import type { GatewayRequests } from '../../delivery/client/gateway-requests.js';
import { type HttpResponse, PushError } from '../../delivery/http/push-error.js';
import type { Reading } from '../evidence.js';

/** An answer with how long it took, or why there is none. */
export function ask(requests: GatewayRequests, path: string): Promise<Reading> {
  return reading(() => requests.get(path));
}

/** The same of any request. */
export async function reading(request: () => Promise<HttpResponse>): Promise<Reading> {
  const began = monotonicMs();
  try {
    const answer = await request();
    return { ...answer, tookSeconds: (monotonicMs() - began) / 1000, atSeconds: Date.now() / 1000 };
  } catch (error) {
    if (error instanceof PushError) return error;
    throw error;
  }
}

/** The body as JSON if the answer is a success; `undefined` if it is neither. */
export function jsonOf(reading: Reading): unknown {
  if (reading instanceof PushError || reading.status !== 200) return undefined;
  try {
    return JSON.parse(reading.body);
  } catch {
    return undefined;
  }
}
