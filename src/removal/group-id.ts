import type { GatewayGroup } from '../exposition/api-groups.js';
import type { Labels } from '../exposition/family.js';

/** What tells groups apart, whatever the order of their labels. */
export function groupId(labels: Labels): string {
  return JSON.stringify([...labels].sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** The groups by `groupId`. */
export function byId(groups: readonly GatewayGroup[]): ReadonlyMap<string, GatewayGroup> {
  return new Map(groups.map((group) => [groupId(group.labels), group]));
}

/** When the gateway last took or refused a push of the group; `undefined` if it says neither. */
export function lastHeardOf({ families }: GatewayGroup): number | undefined {
  const times = families
    .filter(({ name }) => name === 'push_time_seconds' || name === 'push_failure_time_seconds')
    .flatMap(({ samples }) => samples.map(({ value }) => value))
    .filter((value) => value > 0);
  return times.length === 0 ? undefined : Math.max(...times);
}
