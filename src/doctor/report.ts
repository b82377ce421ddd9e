import { describeSpan } from '../status/describe.js';
import { printable } from '../status/printable.js';
import type { Evidence, ReceiverEvidence } from './evidence.js';
import type { Finding } from './finding.js';
import { sizeOf } from './size.js';

/** The findings for people: each with its cause first, and at the end what was looked at. */
export function formatReport(evidence: Evidence, findings: readonly Finding[]): string {
  const blocks = findings.map(
    ({ what, why, fix }) =>
      `${printable(what)}\n  why it matters: ${printable(why)}\n  what to do: ${printable(fix)}\n`,
  );
  const head = findings.length === 0 ? ['all well\n'] : blocks;
  return [
    ...head,
    lookedAt(evidence)
      .map((line) => `${line}\n`)
      .join(''),
  ].join('\n');
}

/** The same for programs. */
export function reportJson(evidence: Evidence, findings: readonly Finding[]): object {
  const { gateway, receivers, prometheus, spool } = evidence;
  const size = gateway?.groups && sizeOf(gateway);
  return {
    ...(gateway ? { gateway: gateway.target, version: gateway.about?.version, ...size } : {}),
    ...(receivers
      ? {
          receivers: receivers.map(({ target, server, recentGroups }) => ({
            receiver: target,
            server,
            recentGroups,
          })),
        }
      : {}),
    ...(prometheus ? { prometheus: prometheus.target } : {}),
    ...(spool ? { spool: { path: spool.path, gateways: spool.gateways, receivers: spool.receivers } } : {}),
    findings,
  };
}

function lookedAt({ gateway, receivers = [], prometheus, spool, textfile }: Evidence): readonly string[] {
  const lines: string[] = [];
  if (gateway?.about) {
    const size = gateway.groups && sizeOf(gateway);
    const cost = size
      ? `: ${size.groups} group${size.groups === 1 ? '' : 's'}, ${size.series} series; a push costs it ${describeCost(size.pushSeconds[1])}`
      : '';
    lines.push(`looked at Pushgateway ${gateway.about.version} at ${gateway.target}${cost}`);
    const { metrics } = gateway;
    if (metrics && 'tookSeconds' in metrics)
      lines.push(`/metrics took ${describeSpan(metrics.tookSeconds)}, ${metrics.body.length} bytes`);
  } else if (gateway) lines.push(`looked for a Pushgateway at ${gateway.target}`);
  lines.push(...receivers.map(describeReceiver));
  if (prometheus) lines.push(`looked at Prometheus ${prometheus.version ?? ''} at ${prometheus.target}`);
  if (spool) lines.push(`looked at the spool ${spool.path}`);
  if (textfile) lines.push(`looked at the textfile folder ${textfile.path}`);
  return lines;
}

function describeReceiver({ target, server, recentGroups }: ReceiverEvidence): string {
  const what = server?.kind === 'prometheus' ? `Prometheus ${server.version}` : 'VictoriaMetrics';
  const runs =
    recentGroups === undefined
      ? ''
      : `: ${recentGroups} group${recentGroups === 1 ? '' : 's'} with a run that ended in the last day`;
  return `looked at the receiver ${target}${server ? `, ${what}` : ', which tells nothing of itself'}${runs}`;
}

function describeCost(seconds: number): string {
  return seconds < 0.001 ? 'less than 1ms' : `about ${describeSpan(seconds)}`;
}
