import type { GatewayGroup } from '../exposition/api-groups.js';
import { describeAge, describeSpan, describeState } from '../status/describe.js';
import { viewJob } from '../status/job-view.js';
import { selectGroups } from '../status/view-jobs.js';
import { lastHeardOf } from './group-id.js';

export interface PruneRule {
  readonly olderThanSeconds: number;
  /** A name or a pattern; without it, every job. */
  readonly job?: string | undefined;
  readonly includeOverdue: boolean;
}

/** What is to become of a group, and why. */
export interface Verdict {
  readonly group: GatewayGroup;
  /** `recent` is what is not even looked at. */
  readonly action: 'remove' | 'keep' | 'recent';
  /** `last pushed 9d ago, succeeded`. */
  readonly why: string;
}

/** What is to become of each group that the rule's job pattern matches. */
export function planPrune(
  groups: readonly GatewayGroup[],
  nowSeconds: number,
  rule: PruneRule,
): readonly Verdict[] {
  return selectGroups(groups, { job: rule.job }).map((group) => judge(group, nowSeconds, rule));
}

/**
 * A group goes if it was not pushed for so long, unless it still has something to tell: its success is not yet due, an
 * alert says that it is overdue, or a run is under way. A push that was refused is a sign of life, too.
 */
function judge(group: GatewayGroup, nowSeconds: number, rule: PruneRule): Verdict {
  const heard = lastHeardOf(group);
  const view = viewJob(group, nowSeconds);
  const verdict = (action: Verdict['action'], why: string): Verdict => ({ group, action, why });
  if (heard === undefined) return verdict('recent', 'when it was pushed is not known');
  const age = nowSeconds - heard;
  if (age <= rule.olderThanSeconds) return verdict('recent', `pushed ${describeAge(Math.max(0, age))}`);
  if (view.dueInSeconds !== undefined)
    return verdict('keep', `its next success is due in ${describeSpan(Math.ceil(view.dueInSeconds))}`);
  if (view.overdueSeconds !== undefined && !rule.includeOverdue) {
    const since = describeSpan(Math.floor(view.overdueSeconds));
    return verdict('keep', `overdue by ${since}, and its alert would end unseen: --include-overdue`);
  }
  if (view.state === 'running') return verdict('keep', `a run is under way: ${describeState(view)}`);
  const overdue =
    view.overdueSeconds === undefined ? '' : `, overdue by ${describeSpan(Math.floor(view.overdueSeconds))}`;
  return verdict('remove', `last pushed ${describeAge(age)}, ${describeState(view)}${overdue}`);
}
