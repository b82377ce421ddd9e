import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe } from 'vitest';
import { type RunningCli, startCli } from './cli.js';
import { type Gateway, startPushgateway, versionOf } from './pushgateway.js';
import { findNamed, findServer, type ServerProcess, startServer } from './server-process.js';
import { waitFor } from './wait-for.js';

export const project = fileURLToPath(new URL('../..', import.meta.url));
const shipped = (path: string): string => readFileSync(join(project, path), 'utf8');

/** The servers of a stack. */
export interface StackPrograms {
  readonly pushgateway: string | undefined;
  readonly prometheus: string | undefined;
  readonly alertmanager: string | undefined;
}

const debian: StackPrograms = {
  pushgateway: findServer('prometheus-pushgateway'),
  prometheus: findServer('prometheus'),
  alertmanager: findServer('prometheus-alertmanager'),
};
const newer = findNamed('PROMETHEUS_BIN');

/** Debian's servers, and a stack with the Prometheus and the Pushgateway that PROMETHEUS_BIN and PUSHGATEWAY_BIN name. */
const stacks: readonly (readonly [name: string, programs: StackPrograms])[] = [
  ["Debian's servers", debian],
  ...(newer === undefined
    ? []
    : [
        [
          `Prometheus of PROMETHEUS_BIN (${versionOf(newer)})`,
          {
            ...debian,
            prometheus: newer,
            pushgateway: findNamed('PUSHGATEWAY_BIN') ?? debian.pushgateway,
          },
        ] as const,
      ]),
];

/** The tests of `body` with each stack there is. */
export function describeOnStacks(title: string, body: (programs: StackPrograms) => void): void {
  for (const [name, programs] of stacks) {
    describe.skipIf(Object.values(programs).includes(undefined))(`${title}, on ${name}`, () =>
      body(programs),
    );
  }
}

/** An alert as Alertmanager's webhook has it. */
export interface ReceivedAlert {
  readonly status: 'firing' | 'resolved';
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

/** The whole stack with the shipped configuration, on free ports of loopback. */
export interface Stack {
  readonly gateway: Gateway;
  readonly prometheus: ServerProcess;
  readonly scheduler: RunningCli;
  /** All that has arrived at the webhook so far. */
  readonly received: readonly ReceivedAlert[];
  /** What a query answers, as Prometheus' API has it. */
  query(
    expr: string,
  ): Promise<{ metric: Record<string, string>; value?: [number, string]; values?: unknown[] }[]>;
  stop(): Promise<void>;
}

/** Replaces what the test names, and fails where something of it is not there to be replaced. */
export function replaceAll(text: string, replacements: Readonly<Record<string, string>>): string {
  let result = text;
  for (const [from, to] of Object.entries(replacements)) {
    if (!result.includes(from)) throw new Error(`nothing to replace: ${JSON.stringify(from)}`);
    result = result.replaceAll(from, to);
  }
  return result;
}

/** @param rules what to replace in the rules: times that a test cannot wait for. */
export async function startStack(
  programs: StackPrograms,
  rules: Readonly<Record<string, string>> = {},
): Promise<Stack> {
  const folder = mkdtempSync(join(tmpdir(), 'prombatch-stack-'));
  const write = (name: string, text: string): void => {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text);
  };
  const stops: (() => Promise<unknown>)[] = [];
  const stop = async (): Promise<void> => {
    for (const each of stops.reverse()) await each();
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    const gateway = await startPushgateway(programs.pushgateway ?? '');
    stops.push(() => gateway.stop());
    const scheduler = startCli([
      'schedule',
      '*/2 * * * * *',
      '-g',
      gateway.url,
      '--accumulate',
      '--run-on-start',
      '--interval',
      '0',
      '--listen',
      '127.0.0.1:0',
    ]);
    stops.push(() => stopCli(scheduler));
    const serve = startCli(['serve', '--listen', '127.0.0.1:0', '--interval', '200ms']);
    stops.push(() => stopCli(serve));
    const webhook = await startWebhook();
    stops.push(webhook.stop);

    write(
      'alertmanager.yml',
      replaceAll(shipped('deploy/alertmanager/alertmanager.yml'), {
        'http://host.docker.internal:5001/': webhook.url,
        'group_wait: 30s': 'group_wait: 1s',
        'group_interval: 5m': 'group_interval: 1s',
      }),
    );
    const alertmanager = await startServer(
      programs.alertmanager ?? '',
      [
        `--config.file=${folder}/alertmanager.yml`,
        `--storage.path=${folder}/alertmanager`,
        '--web.listen-address=127.0.0.1:0',
        '--cluster.listen-address=',
      ],
      '/-/ready',
    );
    stops.push(() => alertmanager.stop());

    write('deploy/prometheus/rules.yml', replaceAll(shipped('deploy/prometheus/rules.yml'), rules));
    write(
      'prometheus.yml',
      replaceAll(shipped('prometheus.yml'), {
        'pushgateway:9091': new URL(gateway.url).host,
        'alertmanager:9093': new URL(alertmanager.url).host,
        'scheduler:9464': await addressOf(scheduler),
        'serve:9100': await addressOf(serve),
        'scrape_interval: 15s': 'scrape_interval: 500ms',
        'scrape_interval: 1m': 'scrape_interval: 1s',
        'evaluation_interval: 15s': 'evaluation_interval: 500ms',
      }),
    );
    const prometheus = await startServer(
      programs.prometheus ?? '',
      [
        `--config.file=${folder}/prometheus.yml`,
        `--storage.tsdb.path=${folder}/data`,
        '--web.listen-address=127.0.0.1:0',
        '--web.enable-remote-write-receiver',
      ],
      '/-/ready',
    );
    stops.push(() => prometheus.stop());
    const query: Stack['query'] = async (expr) => {
      const url = `${prometheus.url}/api/v1/query?query=${encodeURIComponent(expr)}`;
      const answer = (await (await fetch(url)).json()) as {
        status: string;
        error?: string;
        data: { result: never[] };
      };
      if (answer.status !== 'success') throw new Error(`${expr}: ${answer.error}`);
      // A scalar has a value of its own rather than a list of series.
      return typeof answer.data.result[0] === 'number'
        ? [{ metric: {}, value: answer.data.result as never }]
        : answer.data.result;
    };
    // Before the first scrape nothing is up, which may fire an alert whose times are made short.
    await waitFor('the first scrape of the gateway', async () =>
      (await query('up{job="pushgateway"} == 1 unless on() ALERTS')).at(0),
    );
    const before = webhook.received.splice(0);
    for (const { labels } of before) webhook.settled.add(`${labels.alertname} ${labels.job}`);
    return { gateway, prometheus, scheduler, received: webhook.received, query, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function stopCli(cli: RunningCli): Promise<void> {
  cli.child.kill('SIGTERM');
  await cli.result;
}

function addressOf(cli: RunningCli): Promise<string> {
  return waitFor('the address of its metrics', () => /http:\/\/(\S+)\/metrics/.exec(cli.stderr())?.[1]);
}

async function startWebhook(): Promise<{
  url: string;
  received: ReceivedAlert[];
  /** Alerts that fired before the stack was up: that they resolve is no news. */
  settled: Set<string>;
  stop: () => Promise<void>;
}> {
  const received: ReceivedAlert[] = [];
  const settled = new Set<string>();
  const server = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk) => (body += chunk));
    request.on('end', () => {
      for (const alert of (JSON.parse(body) as { alerts: ReceivedAlert[] }).alerts) {
        const late = settled.delete(`${alert.labels.alertname} ${alert.labels.job}`);
        if (!(late && alert.status === 'resolved')) received.push(alert);
      }
      response.end();
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  return {
    url: `http://127.0.0.1:${port}/`,
    received,
    settled,
    async stop() {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
}
