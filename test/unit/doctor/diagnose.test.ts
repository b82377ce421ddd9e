import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { ALERTS } from '../../../src/doctor/checks/prometheus.js';
import { diagnose } from '../../../src/doctor/diagnose.js';
import type {
  Answer,
  Evidence,
  GatewayEvidence,
  ReceiverEvidence,
  SpoolEvidence,
} from '../../../src/doctor/evidence.js';
import { formatReport, reportJson } from '../../../src/doctor/report.js';
import { sizeOf } from '../../../src/doctor/size.js';
import type { GatewayGroup } from '../../../src/exposition/api-groups.js';

const NOW = 1_800_000_000;
const answer = (given: Partial<Answer> = {}): Answer => ({
  status: 200,
  headers: { date: new Date(NOW * 1000).toUTCString() },
  body: '',
  tookSeconds: 0.01,
  atSeconds: NOW + 0.3,
  ...given,
});
const gateway = (given: Partial<GatewayEvidence> = {}): GatewayEvidence => ({
  target: 'http://gw:9091',
  status: answer(),
  about: { version: '1.11.3', flags: { 'persistence.file': '/data' } },
  metrics: answer(),
  api: answer(),
  groups: [],
  nowSeconds: NOW,
  ...given,
});
const checks = (evidence: Evidence) => diagnose(evidence).map(({ check }) => check);

function group(labels: Readonly<Record<string, string>>, series = 1): GatewayGroup {
  const samples = Array.from({ length: series }, () => ({ name: 'rows', labels: [], value: 1 }));
  return { labels: Object.entries(labels), families: [{ name: 'rows', type: 'gauge', samples }] };
}

test('what doctor asks of the rules is what the rules file has', () => {
  const { groups } = parse(readFileSync('deploy/prometheus/rules.yml', 'utf8')) as {
    groups: { rules: { alert?: string }[] }[];
  };
  const shipped = groups.flatMap(({ rules }) => rules.flatMap(({ alert }) => alert ?? []));
  expect([...ALERTS].sort()).toEqual([...new Set(shipped)].sort());
});

test('nothing that was looked at, and nothing wrong, is no finding', () => {
  expect(checks({})).toEqual([]);
  expect(checks({ gateway: gateway() })).toEqual([]);
});

test.each([
  ['1.4.3', ['version']],
  ['0.10.0', ['version']],
  ['1.5.0', []],
  ['2.0.0', []],
  ['prombatch-0.1.0', ['embedded']],
])('version %s', (version, found) => {
  expect(checks({ gateway: gateway({ about: { version, flags: {} } }) })).toEqual(found);
});

test.each([
  ['equal', 0, 0.01, []],
  ['a second began long ago', -0.99, 0.01, []],
  ['5 s behind, in an answer that took 5 s', -5.9, 5, []],
  ['6 s ahead', 6, 0.01, ['clock']],
  ['8 s behind', -8, 0.01, ['clock']],
])('clocks that are %s', (_, ahead, tookSeconds, found) => {
  const headers = { date: new Date((NOW + 10) * 1000).toUTCString() };
  const status = answer({ headers, tookSeconds, atSeconds: NOW + 10 - ahead });
  expect(checks({ gateway: gateway({ status }) })).toEqual(found);
});

test('what a push costs follows the number of series, and half of the end is a finding', () => {
  const groups = Array.from({ length: 1000 }, () => group({ job: 'a' }, 30));
  expect(sizeOf(gateway({ groups })).pushSeconds).toEqual([expect.closeTo(0.022), expect.closeTo(0.043)]);
  expect(checks({ gateway: gateway({ groups: [group({ job: 'a' }, 60_000)] }) })).toEqual([]);
  expect(checks({ gateway: gateway({ groups: [group({ job: 'a' }, 80_000)] }) })).toEqual(['large']);
});

test('a gateway that checks no push is never too large', () => {
  const about = { version: '1.11.3', flags: { 'push.disable-consistency-check': 'true' } };
  const groups = [group({ job: 'a' }, 80_000)];
  expect(checks({ gateway: gateway({ about, groups }) })).toEqual(['checks_off']);
});

test('a reading that is slow for its size is a finding', () => {
  expect(checks({ gateway: gateway({ metrics: answer({ tookSeconds: 3 }) }) })).toEqual(['slow']);
});

test('a name that reorders a line cannot do so in the report, and a shell reads what is to be typed', () => {
  const evil = "\u202ea'b\n";
  const groups = [group({ job: evil }), group({ job: evil, instance: '' })];
  const evidence: Evidence = { gateway: gateway({ groups, metrics: answer({ status: 500, body: '' }) }) };
  const findings = diagnose(evidence);
  expect(findings.map(({ check }) => check)).toEqual(['poisoned']);
  const report = formatReport(evidence, findings);
  expect(report).not.toContain('\u202e');
  expect(report.split('\n').filter((line) => line !== '')).toHaveLength(5);
  expect(findings[0]?.fix).toContain("--job '\\u202ea'\\''b\\u000a' --grouping instance=");
  expect(reportJson(evidence, findings)).toMatchObject({ gateway: 'http://gw:9091', groups: 2 });
});

test('a gateway whose groups cannot be read says why, and nothing is said of groups', () => {
  const { groups: _, ...unread } = gateway({ api: answer({ status: 403 }) });
  expect(checks({ gateway: unread })).toEqual(['unreadable']);
});

const receiver = (given: Partial<ReceiverEvidence> = {}): ReceiverEvidence => ({
  target: 'http://p:9090/api/v1/write',
  flags: [['--remote-write', 'http://p:9090/api/v1/write']],
  probe: answer({ status: 204 }),
  ...given,
});
const asPrometheus = (given: object) =>
  receiver({ server: { kind: 'prometheus', version: '3.16.0', base: 'http://p:9090', ...given } });

test.each([
  ['that tells nothing', receiver(), []],
  ['with a window', asPrometheus({ windowMs: 1 }), []],
  ['without a window', asPrometheus({ windowMs: 0 }), ['no_window']],
  ['that keeps a day', asPrometheus({ retentionMs: 86_400_000 }), []],
  ['that keeps less', asPrometheus({ retentionMs: 86_399_000 }), ['retention']],
  ['that keeps by size alone', asPrometheus({ retentionMs: 0 }), []],
  ['with a sample that is 9 m ahead', asPrometheus({ newestMs: (NOW + 540) * 1000 }), []],
  ['with a sample that is 11 m ahead', asPrometheus({ newestMs: (NOW + 660) * 1000 }), ['future_samples']],
  ['that keeps one in 1 ms', receiver({ server: { kind: 'victoria-metrics', dedupMs: 1 } }), []],
])('a receiver %s', (_, given, found) => {
  expect(checks({ receivers: [given] })).toEqual(found);
});

test('a sample is ahead of the clock of its receiver, not of that of this host', () => {
  const headers = { date: new Date((NOW + 3600) * 1000).toUTCString() };
  const ahead = {
    ...asPrometheus({ newestMs: (NOW + 3600) * 1000 }),
    probe: answer({ status: 204, headers }),
  };
  expect(checks({ receivers: [ahead] })).toEqual(['clock']);
});

test('what waits for a receiver is sent by a command that names it as this one was', () => {
  const name = 'central (http://p:9090/api/v1/write)';
  const spool: SpoolEvidence = {
    path: '/spool',
    gateways: [],
    receivers: [{ receiver: name, waiting: 2, waitingSinceSeconds: NOW - 60, setAside: 0 }],
    nowSeconds: NOW,
  };
  const looked = receiver({ target: name, flags: [['--remote-write-file', '/etc/my receivers.yml']] });
  expect(diagnose({ receivers: [looked], spool })).toMatchObject([
    {
      what: `2 runs wait in the spool for ${name}; the first ended 1m ago`,
      fix: "prombatch flush --remote-write-file '/etc/my receivers.yml' --spool /spool",
    },
  ]);
});
