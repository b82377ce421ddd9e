import { describeSpan } from '../../status/describe.js';
import { clockDifference } from '../answer.js';
import type { Evidence, Reading } from '../evidence.js';
import type { Finding } from '../finding.js';

/** How the gateway was started: its version, its flags, its clock. */
export function checkSetUp({ gateway }: Evidence): readonly Finding[] {
  if (!gateway?.about) return [];
  const { target, status, about } = gateway;
  return [
    ...checkVersion(target, about.version),
    ...(about.version.startsWith('prombatch-') ? [embedded(target)] : checkFlags(target, about.flags)),
    ...checkClock(target, status),
  ];
}

function embedded(target: string): Finding {
  return {
    check: 'embedded',
    what: `${target} is the embedded gateway of prombatch, which keeps its groups in memory only`,
    why: 'It is for development and tests: it asks for no password, and after a restart it knows of no job.',
    fix: 'use a Pushgateway with --persistence.file',
  };
}

function checkFlags(target: string, flags: Readonly<Record<string, string>>): readonly Finding[] {
  const findings: Finding[] = [];
  if (flags['push.disable-consistency-check'] === 'true') {
    findings.push({
      check: 'checks_off',
      what: `${target} checks no push: it runs with --push.disable-consistency-check`,
      why: 'A push that contradicts another is taken, and from then on every scrape fails, for all jobs.',
      fix: 'start it without --push.disable-consistency-check',
    });
  }
  if (flags['web.enable-admin-api'] === 'true') {
    findings.push({
      check: 'admin_api',
      what: `${target} has its admin API on: whoever reaches it can delete all groups with one request`,
      why: 'Last successes and due times go with the groups, and alerts on them end unseen.',
      fix: 'start it without --web.enable-admin-api; prombatch prune removes what is old',
    });
  }
  if (flags['persistence.file'] === '') {
    findings.push({
      check: 'persistence_off',
      what: `${target} keeps its groups in memory only: it runs without --persistence.file`,
      why: 'After a restart it knows of no job, and alerts on jobs that are overdue end until they run again.',
      fix: 'start it with --persistence.file=/var/lib/pushgateway/metrics',
    });
  }
  return findings;
}

/** gzip since 1.5.0 (Pushgateway's CHANGELOG). */
function checkVersion(target: string, version: string): readonly Finding[] {
  const [, major = '', minor = ''] = /^(\d+)\.(\d+)/.exec(version) ?? [];
  if (major === '' || Number(major) > 1 || (Number(major) === 1 && Number(minor) >= 5)) return [];
  return [
    {
      check: 'version',
      what: `${target} is version ${version}, which does not read gzip`,
      why: 'Pushes of more than 1 KiB go as gzip, and are refused.',
      fix: 'update it to 1.5.0 or newer',
    },
  ];
}

function checkClock(target: string, status: Reading): readonly Finding[] {
  const off = clockDifference(status);
  if (off === 0) return [];
  return [
    {
      check: 'clock',
      what: `the clocks differ: that of ${target} is ${describeSpan(Math.round(Math.abs(off)))} ${off > 0 ? 'ahead of' : 'behind'} this host's`,
      why: "Due times and last successes are by the clock of the job's host, and alerts compare them with that of Prometheus.",
      fix: 'synchronise both clocks: timedatectl set-ntp true',
    },
  ];
}
