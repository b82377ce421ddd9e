import { describeThrown } from '../errors.js';
import type { Log } from '../log.js';

/** Nothing that is only told of the run may keep its outcome from the gateway. */
export function notify(log: Log, body: () => void): void {
  try {
    body();
  } catch (error) {
    log.warn(`a callback of the run failed: ${describeThrown(error)}`, { event: 'callback_failed', error });
  }
}
