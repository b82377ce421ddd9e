import { spawnSync } from 'node:child_process';
import { afterAll, beforeAll, describe } from 'vitest';
import { createGroupingKey, groupPath } from '../../src/delivery/grouping-key.js';
import { parseFamilies } from '../../src/exposition/parse.js';
import { findNamed, findServer, startServer } from './server-process.js';

/** A running Pushgateway of the test's own. */
export interface Gateway {
  readonly url: string;
  /** What `/metrics` shows for a job: values by `name{label="…"}`, without the labels job and empty instance. */
  samples(job: string): Promise<Record<string, number>>;
  /** The labels of all groups, from `/api/v1/metrics`. */
  groups(): Promise<Record<string, string>[]>;
  /** Deletes all groups. */
  wipe(): Promise<void>;
  stop(signal?: NodeJS.Signals): Promise<void>;
}

export async function startPushgateway(
  binary: string,
  { persistence = '', args = [] }: { persistence?: string; args?: readonly string[] } = {},
): Promise<Gateway> {
  const server = await startServer(
    binary,
    [`--persistence.file=${persistence}`, '--web.listen-address=127.0.0.1:0', ...args],
    '/-/ready',
  );
  return { ...gatewayAt(server.url), stop: server.stop };
}

function gatewayAt(url: string) {
  const groups = async (): Promise<Record<string, string>[]> => {
    const answer = (await (await fetch(`${url}/api/v1/metrics`)).json()) as {
      data: { labels: Record<string, string> }[];
    };
    return answer.data.map(({ labels }) => labels);
  };
  return {
    url,
    groups,
    async wipe(): Promise<void> {
      for (const { job = '', ...labels } of await groups()) {
        const path = groupPath(createGroupingKey(job, Object.entries(labels)));
        await fetch(url + path, { method: 'DELETE' });
      }
    },
    async samples(job: string): Promise<Record<string, number>> {
      const text = await (await fetch(`${url}/metrics`)).text();
      const found: Record<string, number> = {};
      for (const { labels, name, value } of parseFamilies(text).flatMap((family) => family.samples)) {
        if (!labels.some(([label, content]) => label === 'job' && content === job)) continue;
        const shown = labels.filter(
          ([label, content]) => label !== 'job' && !(label === 'instance' && content === ''),
        );
        const braces = shown.map(([label, content]) => `${label}="${content}"`).join(',');
        found[braces === '' ? name : `${name}{${braces}}`] = value;
      }
      return found;
    },
  };
}

/** Debian's Pushgateway, and the one that PUSHGATEWAY_BIN names. */
export function pushgatewayBinaries(): readonly (readonly [name: string, binary: string | undefined])[] {
  const debian = ['prometheus-pushgateway', findServer('prometheus-pushgateway')] as const;
  const named = findNamed('PUSHGATEWAY_BIN');
  return named ? [debian, [`pushgateway of PUSHGATEWAY_BIN (${versionOf(named)})`, named]] : [debian];
}

/** What a server of Prometheus says of its version: `version 1.11.3`. */
export function versionOf(binary: string): string {
  const { stdout, stderr } = spawnSync(binary, ['--version'], { encoding: 'utf8' });
  return /version [\d.]+/.exec(stdout + stderr)?.[0] ?? 'version unknown';
}

/** Whether it is 1.11 or newer, which has Go's newer router and keeps fractional counts of histograms. */
export function isNewer(binary: string): boolean {
  const [, major, minor] = /(\d+)\.(\d+)/.exec(versionOf(binary)) ?? [];
  return major === undefined || Number(major) > 1 || Number(minor) >= 11;
}

/** The tests of `body` against each Pushgateway there is, one fresh process for all of them. */
export function describeOnPushgateways(title: string, body: (gateway: () => Gateway) => void): void {
  for (const [name, binary] of pushgatewayBinaries()) {
    describe.skipIf(binary === undefined)(`${title}, on ${name}`, () => {
      let gateway: Gateway | undefined;
      beforeAll(async () => {
        gateway = await startPushgateway(binary ?? '');
      });
      afterAll(() => gateway?.stop());
      body(() => {
        if (!gateway) throw new Error('the gateway is not running');
        return gateway;
      });
    });
  }
}
