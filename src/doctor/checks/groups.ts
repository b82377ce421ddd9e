import { formatKey, perRunReason } from '../../delivery/grouping-key.js';
import type { GatewayGroup } from '../../exposition/api-groups.js';
import { BATCH_FAMILY_NAMES } from '../../outcome/batch-metrics.js';
import { nameGroup } from '../../removal/describe.js';
import { groupId } from '../../removal/group-id.js';
import { describeAge, describeSpan } from '../../status/describe.js';
import { viewJob } from '../../status/job-view.js';
import type { Evidence, GatewayEvidence } from '../evidence.js';
import type { Finding } from '../finding.js';
import { deleteCommand, listed, quoted } from '../words.js';

/** What the gateway holds. */
export function checkGroups({ gateway }: Evidence): readonly Finding[] {
  if (!gateway?.about) return [];
  const { groups } = gateway;
  if (!groups) return checkUnreadable(gateway);
  const poisoned = checkPoisoned(gateway, groups);
  return [
    ...poisoned,
    ...checkOwnTypes(gateway, groups),
    ...checkTypes(gateway, groups),
    // A gateway that is poisoned refuses them all.
    ...(poisoned.length > 0 ? [] : checkRefused(gateway, groups)),
    ...checkPerRun(gateway, groups),
    ...checkOverdue(gateway, groups),
  ];
}

function checkUnreadable({ target, api }: GatewayEvidence): readonly Finding[] {
  if (!api) return [];
  const reason = 'message' in api ? api.message : `it answered ${api.status}`;
  return [
    {
      check: 'unreadable',
      what: `what ${target} holds cannot be read at /api/v1/metrics: ${reason}`,
      why: '--accumulate, status, delete and prune need to read it; late entries of the spool cannot be told.',
      fix: 'if a proxy is in between, let it pass GET /api/v1/metrics',
    },
  ];
}

/** `/metrics` is all or nothing: one group that contradicts another costs all. */
function checkPoisoned(
  { target, metrics }: GatewayEvidence,
  groups: readonly GatewayGroup[],
): readonly Finding[] {
  if (!metrics) return [];
  const common = {
    check: 'poisoned',
    why: 'Prometheus gets nothing of any job, and every push may be refused, until that is undone.',
  };
  if ('message' in metrics) {
    return [
      {
        ...common,
        what: `/metrics of ${target} cannot be read: ${metrics.message}`,
        fix: `curl ${target}/metrics`,
      },
    ];
  }
  if (metrics.status === 200) return [];
  const twin = findTwin(groups);
  return [
    twin
      ? {
          ...common,
          what: `/metrics of ${target} answers ${metrics.status}: the group ${nameGroup(twin)} differs from another by an empty label only`,
          fix: deleteCommand(target, twin),
        }
      : {
          ...common,
          what: `/metrics of ${target} answers ${metrics.status}: ${firstError(metrics.body)}`,
          fix: 'delete one of the groups that contradict each other with prombatch delete',
        },
  ];
}

/** The group with an empty label of two that are the same without it. */
function findTwin(groups: readonly GatewayGroup[]): GatewayGroup | undefined {
  const id = ({ labels }: GatewayGroup) => groupId(labels.filter(([, value]) => value !== ''));
  const whole = new Set(groups.filter(isWithoutEmpty).map(id));
  return groups.find((group) => !isWithoutEmpty(group) && whole.has(id(group)));
}

function isWithoutEmpty({ labels }: GatewayGroup): boolean {
  return labels.every(([, value]) => value !== '');
}

/** The first error of a refused scrape, without the lines that only introduce it. */
function firstError(body: string): string {
  const lines = body.split('\n').map((line) => line.replace(/^\* /, '').trim());
  const error = lines.find(
    (line) => line !== '' && !/^An error has occurred|error\(s\) occurred:$/.test(line),
  );
  return (error ?? 'it says nothing').slice(0, 300);
}

/** A group of another tool with a family of ours as another type: each of our pushes is then refused. */
function checkOwnTypes({ target }: GatewayEvidence, groups: readonly GatewayGroup[]): readonly Finding[] {
  const found = groups.flatMap((group) =>
    group.families
      .filter(({ name, type }) => BATCH_FAMILY_NAMES.includes(name) && type !== 'gauge')
      .map((family) => ({ group, family })),
  );
  return found.slice(0, 1).map(({ group, family: { name, type } }) => ({
    check: 'own_types',
    what: `the group ${nameGroup(group)} has ${name} as a ${type}, which prombatch pushes as a gauge`,
    why: 'The gateway refuses every push of prombatch: a metric has one type in all groups.',
    fix: deleteCommand(target, group),
  }));
}

function checkTypes({ target }: GatewayEvidence, groups: readonly GatewayGroup[]): readonly Finding[] {
  const first = new Map<string, { readonly type: string; readonly group: GatewayGroup }>();
  const findings = new Map<string, Finding>();
  for (const group of groups) {
    for (const { name, type } of group.families) {
      const known = first.get(name);
      if (!known) first.set(name, { type, group });
      else if (known.type !== type && !BATCH_FAMILY_NAMES.includes(name)) {
        findings.set(name, {
          check: 'types',
          what: `${name} is a ${known.type} in the group ${nameGroup(known.group)} and a ${type} in ${nameGroup(group)}`,
          why: 'A metric has one type in all groups: a scrape of the gateway fails, or pushes are refused.',
          fix: `rename one of them in its job, then ${deleteCommand(target, group)}`,
        });
      }
    }
  }
  return [...findings.values()].slice(0, 5);
}

function checkRefused({ nowSeconds }: GatewayEvidence, groups: readonly GatewayGroup[]): readonly Finding[] {
  const refused = groups.filter((group) => viewJob(group, nowSeconds).problems.includes('push_refused'));
  if (refused.length === 0) return [];
  const views = refused.map((group) => viewJob(group, nowSeconds).pushRefusedSeconds ?? 0);
  return [
    {
      check: 'refused',
      what: `the gateway refused the last push of ${listed(refused.map(nameGroup))}, ${describeAge(Math.max(0, nowSeconds - Math.max(...views)))}`,
      why: 'What Prometheus sees of it is older than it looks.',
      fix: 'the log of the run has the words of the gateway: usually a metric that another job pushes with another type',
    },
  ];
}

function checkPerRun({ target }: GatewayEvidence, groups: readonly GatewayGroup[]): readonly Finding[] {
  const byJob = new Map<string, { readonly reason: string; count: number }>();
  for (const { labels } of groups) {
    const { job = '', ...grouping } = Object.fromEntries(labels);
    const reason = Object.entries(grouping)
      .map(([name, value]) => perRunReason(name, value))
      .find((found) => found !== undefined);
    if (reason === undefined) continue;
    const known = byJob.get(job);
    if (known) known.count++;
    else byJob.set(job, { reason, count: 1 });
  }
  return [...byJob].slice(0, 5).map(([job, { reason, count }]) => ({
    check: 'per_run',
    what: `the job ${formatKey({ job, grouping: [] })} makes a new group each run: ${reason}; it has ${count}`,
    why: 'Groups never expire: each push becomes slower, and old values are shown for ever.',
    fix: `group by what stays the same, such as host or shard, then prombatch prune --gateway ${target} --job ${quoted(job)} --older-than 7d`,
  }));
}

function checkOverdue(
  { target, nowSeconds }: GatewayEvidence,
  groups: readonly GatewayGroup[],
): readonly Finding[] {
  const overdue = groups
    .map((group) => ({ group, by: viewJob(group, nowSeconds).overdueSeconds ?? 0 }))
    .filter(({ by }) => by > 0);
  if (overdue.length === 0) return [];
  const words = overdue.map(({ group, by }) => `${nameGroup(group)} by ${describeSpan(Math.ceil(by))}`);
  return [
    {
      check: 'overdue',
      what: `overdue: ${listed(words)}`,
      why: 'At least two runs are missing, or were not told to this gateway.',
      fix: `prombatch status --gateway ${target}`,
    },
  ];
}
