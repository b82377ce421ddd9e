import type { GatewayGroup } from '../exposition/api-groups.js';
import { describeAge, describeName, describeState } from '../status/describe.js';
import { viewJob } from '../status/job-view.js';
import { lastHeardOf } from './group-id.js';
import type { Removal } from './remove-groups.js';

/** A group on one line: `backup {host="db1"}`. */
export function nameGroup({ labels }: GatewayGroup): string {
  const { job = '', ...grouping } = Object.fromEntries(labels);
  return describeName({ job, labels: grouping });
}

const natural = new Intl.Collator('en', { numeric: true });

/** The groups by name, `shard 2` before `shard 10`. */
export function sortGroups(groups: readonly GatewayGroup[]): readonly GatewayGroup[] {
  return [...groups].sort((a, b) => natural.compare(nameGroup(a), nameGroup(b)));
}

/** What goes with a group: `last pushed 9d ago, succeeded, 12 metrics`. */
export function describeGroup(group: GatewayGroup, nowSeconds: number): string {
  const heard = lastHeardOf(group);
  const count = group.families.filter(({ name }) => !/^push_(?:failure_)?time_seconds$/.test(name)).length;
  return [
    ...(heard === undefined ? [] : [`last pushed ${describeAge(Math.max(0, nowSeconds - heard))}`]),
    describeState(viewJob(group, nowSeconds)),
    `${count} metric${count === 1 ? '' : 's'}`,
  ].join(', ');
}

/** Whether what became of a group needs a look at it. */
export function needsLook({ result }: Removal): boolean {
  return !['removed', 'gone', 'kept'].includes(result);
}

/** What became of a group, in words. */
export function describeRemoval({ group, readAtSeconds, result, why = '' }: Removal): string {
  const name = nameGroup(group);
  switch (result) {
    case 'removed':
      return `removed ${name}: ${describeGroup(group, readAtSeconds)}`;
    case 'removed_perhaps_pushed':
      return `removed ${name}, and a push that came in that moment may have gone with it: is its next run in the gateway?`;
    case 'pushed_meanwhile':
      return `removed ${name}, and a push came in that moment: what it held before is gone, and that push perhaps as well`;
    case 'gone':
      return `${name} was gone already`;
    case 'kept':
      return `kept ${name}: ${why}`;
    case 'still_there':
      return `${name} is still there, although the gateway took its deletion`;
    case 'unknown':
      return `${name}: its deletion was sent, and whether it is gone is not known`;
  }
}
