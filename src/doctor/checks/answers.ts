import { PushError, PushRedirected, PushUnauthorized, refusalError } from '../../delivery/http/push-error.js';
import type { Evidence, GatewayEvidence, Reading } from '../evidence.js';
import type { Finding } from '../finding.js';

const NOTHING_ARRIVES = 'No push arrives: runs wait in the spool, or are lost without one.';

/** Whether there is a Pushgateway at the address at all. One cause is one finding: what follows from it is not told. */
export function checkAnswers({ gateway }: Evidence): readonly Finding[] {
  if (!gateway || gateway.about) return [];
  const { target, status, instead } = gateway;
  if (instead?.kind === 'elsewhere') {
    return [
      finding(
        'path_prefix',
        `${target} has no Pushgateway, but ${instead.target} has: the path prefix is wrong`,
        {
          fix: `--gateway ${instead.target}`,
        },
      ),
    ];
  }
  if (instead?.kind === 'prometheus') {
    return [
      finding('no_pushgateway', `${target} is a Prometheus, not a Pushgateway`, {
        fix: 'give the Pushgateway with --gateway, and this one with --prometheus',
      }),
    ];
  }
  if ('headers' in status && status.status === 204) return [tellsNothing(target)];
  const error = errorOf(gateway, status);
  if (!error) {
    return [
      finding('no_pushgateway', `${target} answers, but not as a Pushgateway does`, {
        fix: 'is the address right, and is the path prefix part of it? A Pushgateway has /api/v1/status since 1.0',
      }),
    ];
  }
  return [finding(checkOf(error), error.message, { fix: error.hint ?? `curl -v ${target}/-/healthy` })];
}

function tellsNothing(target: string): Finding {
  return {
    check: 'tells_nothing',
    what: `${target} does not tell what it holds (204), as VictoriaMetrics does not at its Pushgateway path`,
    why: 'It takes pushes, but --accumulate, --replace, status, delete and prune cannot work there, and each run overwrites nothing: it is one more sample.',
    fix: `send by remote write: --remote-write ${new URL(target).origin}/api/v1/write`,
  };
}

function checkOf(error: PushError): string {
  if (error instanceof PushRedirected) return 'redirect';
  if (error instanceof PushUnauthorized) return 'unauthorized';
  if (error.code === 'PUSH_UNTRUSTED' || error.hint?.includes('https://')) return 'tls';
  return error.status === undefined ? 'unreachable' : 'no_pushgateway';
}

function errorOf({ target }: GatewayEvidence, reading: Reading): PushError | undefined {
  if (reading instanceof PushError) return reading;
  const { status } = reading;
  return status >= 200 && status < 300
    ? undefined
    : refusalError(target, reading, reading.atSeconds * 1000, 'GET');
}

function finding(check: string, what: string, { fix }: { readonly fix: string }): Finding {
  return { check, what, why: NOTHING_ARRIVES, fix };
}
