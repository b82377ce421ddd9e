import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { runCli } from '../support/cli.js';
import { type Gateway, startPushgateway } from '../support/pushgateway.js';
import { findServer, type ServerProcess, startServer } from '../support/server-process.js';
import { waitFor } from '../support/wait-for.js';

const shipped = fileURLToPath(new URL('../../prometheus.yml', import.meta.url));
const pushgateway = findServer('prometheus-pushgateway');
const prometheus = findServer('prometheus');
const promtool = findServer('promtool');

describe.skipIf(!promtool)('promtool', () => {
  test('accepts the shipped prometheus.yml', () => {
    const output = execFileSync(promtool ?? '', ['check', 'config', shipped], { encoding: 'utf8' });
    expect(output).toContain('SUCCESS');
  });

  test('the batch metrics keep the naming rules', async () => {
    const { stdout } = await runCli([
      'run',
      '--dry-run',
      '--interval',
      '0',
      '--ticks',
      '1',
      '--expected-interval',
      '1h',
    ]);
    const batch = stdout
      .slice(stdout.lastIndexOf('# HELP batch_job_last_start'))
      .split('\n')
      .filter((line) => line.includes('batch_job_'));
    expect(batch.length).toBeGreaterThan(25);
    expect(
      execFileSync(promtool ?? '', ['check', 'metrics'], {
        input: `${batch.join('\n')}\n`,
        encoding: 'utf8',
      }),
    ).toBe('');
  });
});

describe.skipIf(!pushgateway || !prometheus)('a Prometheus with the shipped configuration', () => {
  let gateway: Gateway;
  let server: ServerProcess;
  let folder: string;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'prombatch-prometheus-'));
    gateway = await startPushgateway(pushgateway ?? '');
    const config = readFileSync(shipped, 'utf8')
      .replace('pushgateway:9091', new URL(gateway.url).host)
      .replace('host.docker.internal:9100', 'localhost:1');
    writeFileSync(join(folder, 'prometheus.yml'), config);
    server = await startServer(
      prometheus ?? '',
      [
        `--config.file=${folder}/prometheus.yml`,
        `--storage.tsdb.path=${folder}/data`,
        '--web.listen-address=127.0.0.1:0',
      ],
      '/-/ready',
    );
  });
  afterAll(async () => {
    await server?.stop();
    await gateway?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  test('answers with the sample, under the job that pushed it', async () => {
    expect((await runCli(['run', '-g', gateway.url, '--interval', '0'])).code).toBe(0);
    const query = encodeURIComponent('prom_sample_counter{job="prom_sample_batch"}');
    const series = await waitFor(
      'the first scrape',
      async () => {
        const answer = await (await fetch(`${server.url}/api/v1/query?query=${query}`)).json();
        return (answer as { data: { result: { metric: object; value: unknown[] }[] } }).data.result[0];
      },
      45_000,
    );
    expect(series.metric).toEqual({ __name__: 'prom_sample_counter', job: 'prom_sample_batch' });
    expect(series.value[1]).toBe('13');
  });
});
