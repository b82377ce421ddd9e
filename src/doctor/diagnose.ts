import { checkAnswers } from './checks/answers.js';
import { checkGroups } from './checks/groups.js';
import { checkHost } from './checks/host.js';
import { checkPrometheus } from './checks/prometheus.js';
import { checkReceiverSpool } from './checks/receiver-spool.js';
import { checkReceivers } from './checks/receivers.js';
import { checkSetUp } from './checks/set-up.js';
import { checkSize } from './checks/size.js';
import type { Evidence } from './evidence.js';
import type { Finding } from './finding.js';

/** What is judged, in the order in which findings are told: first what keeps all jobs from being seen. */
const CHECKS: readonly ((evidence: Evidence) => readonly Finding[])[] = [
  checkAnswers,
  checkGroups,
  checkReceivers,
  checkPrometheus,
  checkHost,
  checkReceiverSpool,
  checkSetUp,
  checkSize,
];

/** All that is wrong by what was read. */
export function diagnose(evidence: Evidence): readonly Finding[] {
  return CHECKS.flatMap((check) => check(evidence));
}
