import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, test } from 'vitest';
import { versionOf } from './pushgateway.js';
import { findNamed, findServer, startServer } from './server-process.js';
import { waitFor } from './wait-for.js';

/** A program that takes remote write. */
export interface ReceiverProgram {
  readonly name: string;
  readonly kind: 'prometheus' | 'victoria-metrics';
  readonly binary: string | undefined;
  /** Whether it is Prometheus 3, which takes no samples from the future. */
  readonly newer: boolean;
}

/** Samples by series, as `name{label="…"}` without the labels `job` and `delivery`: each with its time. */
export type StoredSeries = Readonly<Record<string, readonly (readonly [timeMs: number, value: number])[]>>;

/** A running receiver of the test's own. */
export interface TestReceiver {
  /** Where to write to. */
  readonly url: string;
  readonly base: string;
  readonly kind: ReceiverProgram['kind'];
  /** All samples of a job. */
  stored(job: string): Promise<StoredSeries>;
  /** The labels of all series of a job. */
  labels(job: string): Promise<Record<string, string>[]>;
  /** What a query says at a time; the value of its first series. */
  query(expr: string, timeMs: number): Promise<number | undefined>;
  stop(signal?: NodeJS.Signals): Promise<void>;
}

/** Debian's Prometheus, and what PROMETHEUS_BIN and VICTORIA_METRICS_BIN name. */
export function receiverPrograms(): readonly ReceiverProgram[] {
  const newest = findNamed('PROMETHEUS_BIN');
  const victoria = findNamed('VICTORIA_METRICS_BIN');
  return [
    { name: "Debian's prometheus", kind: 'prometheus', binary: findServer('prometheus'), newer: false },
    ...(newest
      ? [
          {
            name: `prometheus of PROMETHEUS_BIN (${versionOf(newest)})`,
            kind: 'prometheus',
            binary: newest,
            newer: true,
          } as const,
        ]
      : []),
    ...(victoria
      ? [{ name: 'VictoriaMetrics', kind: 'victoria-metrics', binary: victoria, newer: false } as const]
      : []),
  ];
}

export interface ReceiverOptions {
  /** How late samples may come, in Prometheus' own form. Default: not at all. */
  readonly window?: string;
  /** In the YAML form of Prometheus. */
  readonly scrape?: string;
  /** How long Prometheus keeps samples. */
  readonly retention?: string;
  /** Prometheus with its receiver off. */
  readonly off?: boolean;
  readonly args?: readonly string[];
}

export async function startReceiver(
  { kind, binary = '' }: ReceiverProgram,
  { window, scrape = '', retention = '100y', off = false, args = [] }: ReceiverOptions = {},
): Promise<TestReceiver> {
  const folder = mkdtempSync(join(tmpdir(), 'prombatch-receiver-'));
  const config = join(folder, 'prometheus.yml');
  const late = window ? `storage: { tsdb: { out_of_order_time_window: ${window} } }\n` : '';
  writeFileSync(config, `global: { scrape_interval: 1s }\n${late}${scrape}`);
  const server =
    kind === 'prometheus'
      ? await startServer(
          binary,
          [
            `--config.file=${config}`,
            `--storage.tsdb.path=${folder}/data`,
            '--web.listen-address=127.0.0.1:0',
            ...(off ? [] : ['--web.enable-remote-write-receiver']),
            `--storage.tsdb.retention.time=${retention}`,
            ...args,
          ],
          '/-/ready',
        )
      : await startServer(
          binary,
          [
            '-httpListenAddr=127.0.0.1:0',
            `-storageDataPath=${folder}/data`,
            '-retentionPeriod=100y',
            '-search.disableCache',
            '-search.latencyOffset=0s',
            ...args,
          ],
          '/health',
        );
  const { url: base } = server;
  const raw = kind === 'prometheus' ? readPrometheus(base) : readVictoria(base);
  return {
    url: `${base}/api/v1/write`,
    base,
    kind,
    async stored(job) {
      return Object.fromEntries((await raw(job)).map(({ metric, samples }) => [shown(metric), samples]));
    },
    async labels(job) {
      return (await raw(job)).map(({ metric }) => metric);
    },
    async query(expr, timeMs) {
      if (kind === 'victoria-metrics') await untilShown(base);
      const [first] = await ask(base, expr, timeMs);
      return first?.value && Number(first.value[1]);
    },
    async stop(signal) {
      await server.stop(signal);
      rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

interface RawSeries {
  readonly metric: Record<string, string>;
  readonly samples: readonly (readonly [timeMs: number, value: number])[];
}

interface Answered {
  readonly metric: Record<string, string>;
  readonly value?: readonly [number, string];
  readonly values?: readonly (readonly [number, string])[];
}

async function ask(base: string, expr: string, timeMs: number): Promise<readonly Answered[]> {
  const url = `${base}/api/v1/query?query=${encodeURIComponent(expr)}&time=${timeMs / 1000}`;
  const answer = (await (await fetch(url)).json()) as { data?: { result: Answered[] }; error?: string };
  if (!answer.data) throw new Error(`${expr}: ${answer.error}`);
  return answer.data.result;
}

/** A range of raw samples up to an hour from now: a clock may be ahead. */
function readPrometheus(base: string) {
  return async (job: string): Promise<RawSeries[]> => {
    const result = await ask(base, `{job=${JSON.stringify(job)}}[1000d]`, Date.now() + 3_600_000);
    return result.map(({ metric, values = [] }) => ({
      metric,
      samples: values.map(([time, value]) => [Math.round(time * 1000), Number(value)] as const),
    }));
  };
}

/**
 * Waits until VictoriaMetrics shows what it has taken: new series are shown some seconds later, so that those of a later
 * request are waited for.
 */
async function untilShown(base: string): Promise<void> {
  const mark = `mark_${randomUUID().replaceAll('-', '_')}`;
  const marks = Array.from({ length: 8 }, (_, index) => `${mark}{n="${index}"} 1\n`);
  await fetch(`${base}/api/v1/import/prometheus`, { method: 'POST', body: marks.join('') });
  await waitFor('VictoriaMetrics to show new series', async () => {
    await fetch(`${base}/internal/force_flush`);
    const text = await (await fetch(`${base}/api/v1/export?match[]=${mark}`)).text();
    return text.trim().split('\n').length === marks.length;
  });
}

/** What is there twice is told once: VictoriaMetrics keeps repeated samples. */
function readVictoria(base: string) {
  return async (job: string): Promise<RawSeries[]> => {
    await untilShown(base);
    const url = `${base}/api/v1/export?end=${Date.now() / 1000 + 3600}&match[]=${encodeURIComponent(`{job=${JSON.stringify(job)}}`)}`;
    const lines = (await (await fetch(url)).text()).split('\n').filter((line) => line !== '');
    const merged = new Map<string, RawSeries>();
    for (const line of lines) {
      const { metric, values, timestamps } = JSON.parse(line) as {
        metric: Record<string, string>;
        values: readonly number[];
        timestamps: readonly number[];
      };
      const held = merged.get(JSON.stringify(metric))?.samples ?? [];
      const samples = [...held, ...timestamps.map((at, index) => [at, values[index] ?? Number.NaN] as const)];
      const once = new Map(samples.map((sample) => [String(sample), sample]));
      merged.set(JSON.stringify(metric), { metric, samples: [...once.values()].sort(([a], [b]) => a - b) });
    }
    return [...merged.values()];
  };
}

function shown({
  __name__: name = '',
  job: _job,
  delivery: _delivery,
  ...labels
}: Record<string, string>): string {
  const pairs = Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1));
  return pairs.length === 0
    ? name
    : `${name}{${pairs.map(([label, value]) => `${label}=${JSON.stringify(value)}`).join(',')}}`;
}

/** A test of what only some receivers do. */
export function testIf(applies: boolean | undefined, name: string, body: () => Promise<void>): void {
  if (applies) test(name, body);
}

/** The tests of `body` with each receiver there is, one fresh process for all of them. */
export function describeOnReceivers(
  title: string,
  body: (receiver: () => TestReceiver, program: ReceiverProgram) => void,
  options: ReceiverOptions = {},
): void {
  for (const program of receiverPrograms()) {
    describe.skipIf(program.binary === undefined)(`${title}, on ${program.name}`, () => {
      let receiver: TestReceiver | undefined;
      beforeAll(async () => {
        receiver = await startReceiver(program, options);
      });
      afterAll(() => receiver?.stop());
      body(() => {
        if (!receiver) throw new Error('the receiver is not running');
        return receiver;
      }, program);
    });
  }
}
