// The real servers that the benches push to: those that are installed, and those that the environment names.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** What each says of where it listens. */
const LISTENS =
  /(?:(?:Listening on"|TLS is disabled\.")[^\n]*address=|started server at http:\/\/)(127\.0\.0\.1:[1-9]\d*)/;
/** Linux' own, whatever the kernel's: `sysconf(_SC_CLK_TCK)`. */
const TICKS_PER_SECOND = 100;

/** @typedef {'pushgateway' | 'prometheus' | 'victoria-metrics'} Kind */

/** Those of a kind that are here, by a name for the table. */
export function findServers(/** @type {Kind} */ kind) {
  const programs = {
    pushgateway: ['prometheus-pushgateway', process.env.PUSHGATEWAY_BIN],
    prometheus: ['prometheus', process.env.PROMETHEUS_BIN],
    'victoria-metrics': [process.env.VICTORIA_METRICS_BIN],
  };
  return programs[kind].flatMap((binary) => {
    if (binary === undefined) return [];
    const { status, stdout, stderr } = spawnSync(binary, ['--version'], { encoding: 'utf8' });
    if (status !== 0) return [];
    const version = /\d+\.\d+\.\d+/.exec(stdout + stderr)?.[0] ?? '';
    return [{ kind, binary, name: `${kind} ${version}`.trim() }];
  });
}

/**
 * Starts one on a port of the system's choice; it holds nothing, unless a gateway has kept something in a file.
 *
 * @param {{ kind: Kind, binary: string }} program
 * @param {{ kept?: string, flags?: readonly string[] }} options
 */
export async function startServer({ kind, binary }, { kept = '', flags = [] } = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'prombatch-bench-'));
  const config = join(folder, 'prometheus.yml');
  writeFileSync(config, '');
  const args = {
    pushgateway: [`--persistence.file=${kept}`, '--web.listen-address=127.0.0.1:0'],
    prometheus: [
      `--config.file=${config}`,
      `--storage.tsdb.path=${folder}/data`,
      '--web.listen-address=127.0.0.1:0',
      '--web.enable-remote-write-receiver',
    ],
    'victoria-metrics': ['-httpListenAddr=127.0.0.1:0', `-storageDataPath=${folder}/data`],
  };
  const child = spawn(binary, [...args[kind], ...flags], { stdio: ['ignore', 'ignore', 'pipe'] });
  let said = '';
  child.stderr.on('data', (chunk) => (said += chunk));
  while (!LISTENS.test(said)) {
    await Promise.race([once(child.stderr, 'data'), once(child, 'close')]);
    if (child.exitCode !== null) throw new Error(`${binary} ended: ${said}`);
  }
  const url = `http://${LISTENS.exec(said)?.[1]}`;
  const ready = { pushgateway: '/-/ready', prometheus: '/-/ready', 'victoria-metrics': '/health' }[kind];
  while (!(await fetch(url + ready)).ok) await new Promise((resolve) => setTimeout(resolve, 50));
  return {
    url,
    /** User and system time so far, in ms. */
    cpuMs() {
      const fields = readFileSync(`/proc/${child.pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
      return ((Number(fields[11]) + Number(fields[12])) * 1000) / TICKS_PER_SECOND;
    },
    async stop() {
      child.kill();
      await once(child, 'close');
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
