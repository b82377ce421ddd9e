import type { Labels } from '../exposition/family.js';
import { writeLabels } from '../exposition/write.js';
import type { Log } from '../log.js';
import { printable } from '../status/printable.js';
import type { PushEvent } from './push-record.js';

/** Says what became of a push or a deletion, on one line whatever is in its labels. */
export function logPush(log: Log, event: PushEvent): void {
  const { method, status } = event;
  const isJob = ([name]: Labels[number]): number => (name === 'job' ? 0 : 1);
  const group = printable(writeLabels([...event.labels].sort((a, b) => isJob(a) - isJob(b))));
  const facts = { method, status, group: Object.fromEntries(event.labels) };
  if ('message' in event) {
    const said = `${method} ${group} refused with ${status}: ${printable(event.message)}`;
    log.warn(said, { event: 'push_refused', ...facts });
  } else if (event.method === 'DELETE') {
    log.info(`DELETE ${group}`, { event: 'group_deleted', ...facts });
  } else {
    const count = `${event.families} ${event.families === 1 ? 'family' : 'families'}`;
    log.info(`${method} ${group}: ${count}`, { event: 'push_taken', ...facts });
  }
}
