import { PushError, PushRedirected, PushUnauthorized } from '../../delivery/http/push-error.js';
import { answerError } from '../../delivery/remote-write/receiver/answers.js';
import { errorOfReceiver } from '../../delivery/remote-write/receiver/receiver.js';
import { describeSpan } from '../../status/describe.js';
import { clockDifference, isPage } from '../answer.js';
import type { Evidence, Reading, ReceiverEvidence, ReceiverServer } from '../evidence.js';
import type { Finding } from '../finding.js';
import { quoted } from '../words.js';

const NOTHING_ARRIVES = 'No run arrives: runs wait in the spool, or are lost without one.';

/** Prometheus 3 takes samples that are up to ten minutes ahead of its clock; such ones do no harm. */
const AHEAD_SECONDS = 600;
/** The rules carry the last known state over 12 hours, and history is asked for by the day. */
const LEAST_RETENTION_MS = 24 * 3_600_000;

/** Whether receivers of remote write take runs, and keep them as they are. */
export function checkReceivers({ receivers = [] }: Evidence): readonly Finding[] {
  return receivers.flatMap(checkReceiver);
}

function checkReceiver(receiver: ReceiverEvidence): readonly Finding[] {
  const { target, probe, server } = receiver;
  const problem = checkProbe(receiver);
  if (problem) return [problem];
  return [
    ...checkClock(target, probe),
    ...(server?.kind === 'prometheus' ? checkPrometheus(target, server, probe) : []),
    ...(server?.kind === 'victoria-metrics' ? checkDedup(target, server.dedupMs) : []),
  ];
}

/** One cause is one finding: of a receiver that takes nothing, no more is told. */
function checkProbe({ target, probe, elsewhere }: ReceiverEvidence): Finding | undefined {
  const why = NOTHING_ARRIVES;
  if (elsewhere !== undefined) {
    const what = `${target} takes no remote write, but ${elsewhere} does: the path is wrong`;
    return { check: 'receiver_path', what, why, fix: `--remote-write ${elsewhere}` };
  }
  if (!(probe instanceof PushError) && /receiver needs to be enabled/i.test(probe.body)) {
    return {
      check: 'receiver_off',
      what: `${target} takes no remote write: this Prometheus runs without --web.enable-remote-write-receiver`,
      why,
      fix: 'start it with --web.enable-remote-write-receiver (since 2.33)',
    };
  }
  const error = errorOf(target, probe);
  if (error) {
    const what = error.message.replace('; nothing was stored', '').replace('refused the push', 'refuses');
    return {
      check: checkOf(error),
      what,
      why,
      fix: error.hint ?? 'give the whole URL, as http://prometheus:9090/api/v1/write',
    };
  }
  if (!isPage(probe)) return undefined;
  return {
    check: 'no_receiver',
    what: `${target} answers a write with a page: it is no receiver of remote write`,
    why: 'Runs count as delivered, and are lost.',
    fix: 'give the whole URL, as http://prometheus:9090/api/v1/write',
  };
}

function errorOf(target: string, probe: Reading): PushError | undefined {
  if (probe instanceof PushError) return errorOfReceiver(probe);
  const nowMs = probe.atSeconds * 1000;
  return answerError(target, probe, { newestMs: nowMs, nowMs });
}

function checkOf(error: PushError): string {
  if (error instanceof PushRedirected) return 'redirect';
  if (error instanceof PushUnauthorized) return 'unauthorized';
  if (error.code === 'PUSH_UNTRUSTED' || error.hint?.includes('https://')) return 'tls';
  return error.status === undefined ? 'unreachable' : 'no_receiver';
}

function checkClock(target: string, probe: Reading): readonly Finding[] {
  const ahead = clockDifference(probe);
  if (ahead === 0) return [];
  return [
    {
      check: 'clock',
      what: `the clocks differ: that of ${target} is ${describeSpan(Math.round(Math.abs(ahead)))} ${ahead > 0 ? 'ahead of' : 'behind'} this host's`,
      why:
        ahead > 0
          ? "Samples have this host's time: they come late, and a receiver may refuse them as too old."
          : "Samples have this host's time: one from the future is refused, or is taken and shuts out new series of others.",
      fix: 'synchronise both clocks: timedatectl set-ntp true',
    },
  ];
}

function checkPrometheus(
  target: string,
  { base, windowMs, retentionMs, newestMs = 0 }: Extract<ReceiverServer, { kind: 'prometheus' }>,
  probe: Reading,
): readonly Finding[] {
  const findings: Finding[] = [];
  const ahead = 'atSeconds' in probe ? newestMs / 1000 - probe.atSeconds - clockDifference(probe) : 0;
  if (ahead > AHEAD_SECONDS) {
    findings.push({
      check: 'future_samples',
      what: `${target} holds a sample that is ${describeSpan(Math.round(ahead))} in the future`,
      why: 'It refuses what is more than an hour older than its newest sample, or than its out_of_order_time_window: until then, new series of other jobs are shut out.',
      fix: `set the clock right of the host that sent it; this names the job: curl -G ${quoted(`${base}/api/v1/query`)} -d time=${newestMs / 1000} --data-urlencode ${quoted('query=count by (job, instance) ({__name__=~".+"})')}`,
    });
  }
  if (windowMs === 0) {
    findings.push({
      check: 'no_window',
      what: `${target} takes no late samples: out_of_order_time_window is 0`,
      why: 'A run that waits in a spool for more than an hour while others arrive is refused as too old: the state of its job goes once more, and the rest is set aside.',
      fix: 'in its configuration: storage: {tsdb: {out_of_order_time_window: 1d}}, and reload Prometheus',
    });
  }
  if (retentionMs !== undefined && retentionMs > 0 && retentionMs < LEAST_RETENTION_MS) {
    findings.push({
      check: 'retention',
      what: `${target} keeps samples for ${describeSpan(retentionMs / 1000)} only`,
      why: 'Rules carry the last state of a job over 12 hours, and history is read by the day: what is older is not there.',
      fix: 'start it with --storage.tsdb.retention.time=15d',
    });
  }
  return findings;
}

/** A repetition has the time of the first try; the 0 before a series' first sample is one millisecond older. */
function checkDedup(target: string, dedupMs: number): readonly Finding[] {
  if (dedupMs === 1) return [];
  const fix = 'start VictoriaMetrics with -dedup.minScrapeInterval=1ms';
  if (dedupMs === 0) {
    return [
      {
        check: 'dedup_off',
        what: `${target} keeps repeated samples: it runs without -dedup.minScrapeInterval`,
        why: 'A run whose answer was lost is sent again, and counts as two.',
        fix,
      },
    ];
  }
  return [
    {
      check: 'dedup_wide',
      what: `${target} keeps one sample in ${describeSpan(dedupMs / 1000)}: -dedup.minScrapeInterval is wider than 1ms`,
      why: 'The 0 that stands 1ms before a counter is dropped, so increase() is wrong; of runs that are closer together, one is kept.',
      fix,
    },
  ];
}
