import { monotonicMs } from '../../clock.js';
import type { GatewayRequests } from '../../delivery/client/gateway-requests.js';
import { PushError } from '../../delivery/http/push-error.js';
import type { Reading } from '../evidence.js';

/** An answer with how long it took, or why there is none. */
export async function ask(requests: GatewayRequests, path: string): Promise<Reading> {
  const began = monotonicMs();
  try {
    const answer = await requests.get(path);
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
