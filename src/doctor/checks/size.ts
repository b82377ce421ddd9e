import { describeSpan } from '../../status/describe.js';
import type { Evidence } from '../evidence.js';
import type { Finding } from '../finding.js';
import { sizeOf } from '../size.js';

/** A gateway of 5,000 groups of 30 series is where it ends; half of that is when to think of what comes then. */
const SLOW_PUSH_SECONDS = 0.1;
/** What a reading of `/metrics` takes beyond this, and beyond ten times the law, is not due to the size. */
const SLOW_READING_SECONDS = 2;

/** Whether the gateway is too large, or slower than its size explains. */
export function checkSize({ gateway }: Evidence): readonly Finding[] {
  if (!gateway?.groups) return [];
  const { target, groups, metrics } = gateway;
  const { series, pushSeconds } = sizeOf(gateway);
  const [least, most] = pushSeconds;
  if (most >= SLOW_PUSH_SECONDS) {
    return [
      {
        check: 'large',
        what: `${target} holds ${groups.length} group${groups.length === 1 ? '' : 's'} with ${series} series, so that a push costs it about ${describeSpan(least)} to ${describeSpan(most)}`,
        why: `It checks every push against all that it holds, in one thread: at ${Math.floor(1 / most)} to ${Math.floor(1 / least)} pushes a second it is saturated.`,
        fix: `prombatch prune --gateway ${target} --older-than 7d --dry-run says what may go`,
      },
    ];
  }
  const took = metrics && 'tookSeconds' in metrics ? metrics.tookSeconds : 0;
  if (took < SLOW_READING_SECONDS || took < 10 * most) return [];
  return [
    {
      check: 'slow',
      what: `${target} took ${describeSpan(took)} for /metrics, and for its ${series} series a few ${most < 0.001 ? 'milliseconds' : 'dozen milliseconds'} are usual`,
      why: 'Pushes wait as long, and a scrape may time out.',
      fix: 'look at its CPU and memory limits, and at the way to it',
    },
  ];
}
