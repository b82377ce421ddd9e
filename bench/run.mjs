// `npm run bench`: what prombatch costs, as ratios of two things measured in turn in one run, since machines
// differ and are noisy. Prints medians; asserts nothing.
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Gauge, Registry } from 'prom-client';
import { pushMetrics } from '../dist/lib/index.js';
import { startGateway } from '../dist/lib/testing.js';

const CLI = 'dist/prombatch.cjs';
const MEMORY = ['-r', './bench/print-memory.cjs'];
const state = mkdtempSync(join(tmpdir(), 'prombatch-bench-'));
process.on('exit', () => rmSync(state, { recursive: true, force: true }));
const median = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];

async function wholeProcesses() {
  const server = createServer((request, response) => request.resume().on('end', () => response.end()));
  const gateway = await listen(server);
  const run = [CLI, 'run', '--interval', '0', '--quiet', '-g', gateway];
  const bare = () => wholeProcess(['-e', '0']);
  await compare('run with both pushes / node -e 0', 31, () => wholeProcess([...run, '--no-spool']), bare);
  const exec = [CLI, 'exec', '-g', gateway, '--no-spool', '--', 'true'];
  await compare('exec of true with both pushes / node -e 0', 31, () => wholeProcess(exec), bare);
  await compare('run with both pushes and the spool / node -e 0', 31, () => wholeProcess(run), bare);
  server.close();
}

/** What write-ahead and accumulate add to a run, on a gateway alone and on one with 1,000 other groups. */
async function safety() {
  const gateway = await startGateway();
  const body = Array.from({ length: 30 }, (_, n) => `series_${n % 10}{part="${n}"} ${n}\n`).join('');
  const run = [CLI, 'run', '--interval', '0', '--quiet', '-g', gateway.url];
  const plain = () => wholeProcess([...run, '--no-spool']);
  const counting = () => wholeProcess([...run, '--no-spool', '--accumulate']);
  for (const others of [0, 1000]) {
    for (let shard = 0; shard < others; shard++) {
      await fetch(`${gateway.url}/metrics/job/load/shard/${shard}`, { method: 'POST', body });
    }
    const beside = `beside ${others} other groups`;
    await compare(`run with the spool / without, ${beside}`, 21, () => wholeProcess(run), plain);
    await compare(`run with --accumulate / without, ${beside}`, 21, counting, plain);
  }
  await gateway.close();
}

/** Listens on a free port of loopback; resolves with the address. */
async function listen(server) {
  await new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(undefined)));
  return `127.0.0.1:${server.address().port}`;
}

/** Wall milliseconds and peak MiB of a whole process. */
function wholeProcess(args) {
  return new Promise((resolve, reject) => {
    const start = performance.now();
    const child = spawn(process.execPath, [...MEMORY, ...args], {
      stdio: ['ignore', 'ignore', 'ignore', 'pipe'],
    });
    let memory = '';
    child.stdio[3]?.on('data', (chunk) => (memory += chunk));
    child.on('close', (code) =>
      code === 0
        ? resolve({ ms: performance.now() - start, MiB: Number(memory) })
        : reject(new Error(`exit ${code}`)),
    );
  });
}

async function largePush() {
  const gateway = await startGateway();
  const registry = new Registry();
  const gauge = new Gauge({ name: 'series', help: 'Many.', labelNames: ['n'], registers: [registry] });
  for (let n = 0; n < 10_000; n++) gauge.set({ n }, n);
  const sink = createServer((request, response) => request.resume().on('end', () => response.end()));
  const target = { gateway: await listen(sink), job: 'bench' };
  const timed = (body) => async () => {
    const start = performance.now();
    await body();
    return { ms: performance.now() - start };
  };
  await compare(
    'push of 10,000 series / its serialisation by prom-client',
    31,
    timed(() => pushMetrics(registry, target)),
    timed(() => registry.metrics()),
  );
  sink.close();
  await gateway.close();
}

async function largeGateway() {
  if (spawnSync('prometheus-pushgateway', ['--version']).status !== 0) {
    console.log('/metrics of 1,000 groups: no prometheus-pushgateway here to compare with');
    return;
  }
  const real = spawn('prometheus-pushgateway', ['--persistence.file=', '--web.listen-address=127.0.0.1:0']);
  const realUrl = await new Promise((resolve) => {
    real.stderr.on('data', (chunk) => {
      const port = /Listening on.*address=127\.0\.0\.1:(\d+)/.exec(chunk)?.[1];
      if (port) resolve(`http://127.0.0.1:${port}`);
    });
  });
  const embedded = await startGateway();
  const body = Array.from({ length: 30 }, (_, n) => `series_${n % 10}{part="${n}"} ${n}\n`).join('');
  for (const url of [realUrl, embedded.url]) {
    for (let shard = 0; shard < 1000; shard++) {
      await fetch(`${url}/metrics/job/load/shard/${shard}`, { method: 'POST', body });
    }
  }
  const scrape = (url) => async () => {
    const start = performance.now();
    await (await fetch(`${url}/metrics`)).text();
    return { ms: performance.now() - start };
  };
  await compare(
    '/metrics of 1,000 groups of 30 series: embedded / real',
    11,
    scrape(embedded.url),
    scrape(realUrl),
  );
  real.kill();
  await embedded.close();
}

/** Runs `a` and `b` in turn and prints both medians and the median of the ratios, pair by pair. */
async function compare(title, rounds, a, b) {
  const pairs = [];
  await a();
  await b();
  for (let round = 0; round < rounds; round++) pairs.push([await a(), await b()]);
  for (const unit of Object.keys(pairs[0][0])) {
    const [left, right, ratio] = [
      median(pairs.map(([x]) => x[unit])),
      median(pairs.map(([, y]) => y[unit])),
      median(pairs.map(([x, y]) => x[unit] / y[unit])),
    ];
    console.log(`${title}: ${left.toFixed(1)} / ${right.toFixed(1)} ${unit} = ${ratio.toFixed(2)}`);
  }
}

await wholeProcesses();
await safety();
await largePush();
await largeGateway();
