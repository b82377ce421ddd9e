import type { GatewayGroup } from '../exposition/api-groups.js';
import type { Labels } from '../exposition/family.js';
import { parseFamilies } from '../exposition/parse.js';
import { groupId } from './group-id.js';

/** When each group was last pushed, by its labels. */
export type PushTimes = ReadonlyMap<string, number>;

/** How many pushes a gateway had stored at a moment, and when each of its groups was last pushed, just after that. */
export interface PushCount {
  readonly pushes: number;
  readonly times: PushTimes;
}

/** Lines end at a line feed and nothing else: `^`, `$` and `.` would break a label's value at U+2028. */
const LINES = /(?<![^\n])(?:pushgateway_http_requests_total|push_time_seconds)[{ ][^\n]*/g;

/**
 * The count in the text of a Pushgateway's `/metrics`, which gathers its own counters before its groups. `undefined` if
 * the gateway does not count, such as the embedded one.
 *
 * @throws ParseError if the text is not of the text format.
 */
export function readPushCount(metrics: string): PushCount | undefined {
  const families = parseFamilies((metrics.match(LINES) ?? []).map((line) => `${line}\n`).join(''));
  const samplesOf = (name: string) => families.find((family) => family.name === name)?.samples ?? [];
  const requests = samplesOf('pushgateway_http_requests_total');
  if (requests.length === 0) return undefined;
  const stored = requests.filter(({ labels }) => {
    const { handler, code } = Object.fromEntries(labels);
    return handler === 'push' && (code === '200' || code === '202');
  });
  return {
    pushes: stored.reduce((sum, { value }) => sum + value, 0),
    times: new Map(samplesOf('push_time_seconds').map(({ labels, value }) => [idOf(labels), value])),
  };
}

export function pushTimesOf(groups: readonly GatewayGroup[]): PushTimes {
  return new Map(
    groups.flatMap(({ labels, families }) => {
      const value = families.find(({ name }) => name === 'push_time_seconds')?.samples[0]?.value;
      return value === undefined ? [] : [[idOf(labels), value] as const];
    }),
  );
}

/**
 * How many of the pushes between two counts cannot be seen in what the groups held between them: a second push to one
 * group, or a push to a group that is gone. `readings` lie between the counts, in order.
 */
export function unseenPushes(before: PushCount, readings: readonly PushTimes[], after: PushCount): number {
  const steps = [before.times, ...readings];
  const seen = steps
    .slice(1)
    .reduce((sum, times, index) => sum + changes(steps[index] ?? new Map(), times), 0);
  return Math.max(0, after.pushes - before.pushes - seen);
}

function changes(before: PushTimes, after: PushTimes): number {
  return [...after].filter(([id, time]) => time > 0 && before.get(id) !== time).length;
}

/** An empty value equals an absent label, and `/metrics` shows an empty `instance` that nobody pushed. */
function idOf(labels: Labels): string {
  return groupId(labels.filter(([, value]) => value !== ''));
}
