// What grows with the work: many ticks, many series, many runs in one process.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { Counter } from 'prom-client';
import { defineJob, runJob } from '../dist/lib/index.js';
import { median, startSink, wholeProcess } from './measure.mjs';

const CLI = fileURLToPath(new URL('../dist/prombatch.cjs', import.meta.url));
const program = (name) => fileURLToPath(new URL(`programs/${name}`, import.meta.url));
const format = (value) => value.toFixed(2);

/** Medians of a few runs of each, in turns. */
async function medians(programs, rounds = 5) {
  const costs = programs.map(() => /** @type {any[]} */ ([]));
  for (let round = 0; round < rounds; round++)
    for (const [index, each] of programs.entries())
      costs[index].push(await wholeProcess({ ...each, node: true }, { usage: true }));
  return costs.map((cost) => ({
    wall: median(cost.map(({ wall }) => wall)),
    cpu: median(cost.map(({ cpu }) => cpu)),
    MiB: median(cost.map(({ MiB }) => MiB)),
  }));
}

/** A million ticks, as a ratio of a bare loop of the same calls, and the memory of ten thousand and a million. */
export async function work(node) {
  const { address, close } = await startSink();
  const ticks = (count) => ({
    file: node,
    args: [CLI, 'run', '--ticks', String(count), '--interval', '0', '--quiet', '--no-spool', '-g', address],
  });
  const loop = (count) => ({ file: node, args: [program('loop.mjs'), String(count)] });
  const [few, million, bareFew, bare] = await medians([ticks(1e4), ticks(1e6), loop(1e4), loop(1e6)], 3);
  close();
  const result = {
    ticks: 1e6,
    ofBareLoop: (million.cpu - few.cpu) / (bare.cpu - bareFew.cpu),
    wallOfBareLoop: million.wall / bare.wall,
    MiB: { 1e4: few.MiB, 1e6: million.MiB },
    bareMiB: { 1e4: bareFew.MiB, 1e6: bare.MiB },
  };
  console.log(
    `\n1,000,000 ticks: ${format(result.ofBareLoop)} of a bare loop's CPU, ${format(result.wallOfBareLoop)} of its time; ` +
      `memory ${few.MiB.toFixed(0)} MiB after 10,000 ticks, ${million.MiB.toFixed(0)} after 1,000,000 (bare ${bareFew.MiB.toFixed(0)} and ${bare.MiB.toFixed(0)})`,
  );
  return result;
}

/** Many series against a server that holds nothing: what the client takes for them, its start-up subtracted. */
export async function wide(node) {
  const { address, close } = await startSink();
  const env = (series, more = {}) => ({ ...process.env, SERIES: String(series), ...more });
  const run = (series, ...flags) => ({
    file: node,
    args: [CLI, 'run', program('wide.mjs'), '--quiet', '--no-spool', '-g', address, ...flags],
    env: env(series),
  });
  const bare = (series, more) => ({ file: node, args: [program('wide.mjs')], env: env(series, more) });
  const results = [];
  for (const series of [10_000, 100_000]) {
    const [start, whole, counted, make, text] = await medians([
      run(1),
      run(series),
      run(series, '--accumulate'),
      bare(series),
      bare(series, { SERIALISE: '1' }),
    ]);
    const [startBare] = await medians([bare(1)]);
    const { stdout } = spawnSync(node, [program('wide.mjs')], {
      env: env(series, { SERIALISE: '1' }),
      encoding: 'utf8',
    });
    const serialisation = text.cpu - make.cpu;
    const makes = make.cpu - startBare.cpu;
    const result = {
      series,
      ofSerialisation: (whole.cpu - start.cpu - makes) / serialisation,
      accumulateOfSerialisation: (counted.cpu - start.cpu - makes) / serialisation,
      cpuMs: whole.cpu - start.cpu - makes,
      textMiB: Number(stdout) / 2 ** 20,
      // Beyond what prom-client itself takes to write them.
      memoryOfText: (whole.MiB - start.MiB - (text.MiB - startBare.MiB)) / (Number(stdout) / 2 ** 20),
    };
    results.push(result);
    console.log(
      `${series} series: ${format(result.ofSerialisation)} of prom-client's serialisation in CPU, with --accumulate ` +
        `${format(result.accumulateOfSerialisation)}; ${format(result.memoryOfText)} of the text's ${format(result.textMiB)} MiB in memory`,
    );
  }
  const exponent = Math.log10(results[1].cpuMs / results[0].cpuMs);
  console.log(`from 10,000 to 100,000 series CPU grows with exponent ${format(exponent)}`);
  close();
  return { results, exponent };
}

/** 2,000 runs from one process, 20 at a time, to one real Pushgateway: each group's counter says whether one was lost. */
export async function many() {
  const found = process.env.PUSHGATEWAY_BIN ?? 'prometheus-pushgateway';
  if (spawnSync(found, ['--version']).status !== 0) {
    console.log('2,000 deliveries: no Pushgateway here');
    return undefined;
  }
  const real = spawn(found, ['--persistence.file=', '--web.listen-address=127.0.0.1:0']);
  let said = '';
  real.stderr.on('data', (chunk) => (said += chunk));
  const port = () => /Listening on.*address=127\.0\.0\.1:(\d+)/.exec(said)?.[1];
  while (!port()) await once(real.stderr, 'data');
  const gateway = `http://127.0.0.1:${port()}`;
  const start = performance.now();
  const writers = Array.from({ length: 20 }, async (_, shard) => {
    for (let n = 0; n < 100; n++) {
      const job = defineJob({
        name: 'many',
        run: ({ registry }) =>
          new Counter({ name: 'runs_total', help: 'Runs.', registers: [registry] }).inc(),
      });
      const { exitCode } = await runJob(job, {
        gateway,
        grouping: { shard: String(shard) },
        accumulate: true,
      });
      if (exitCode !== 0) throw new Error(`exit code ${exitCode}`);
    }
  });
  await Promise.all(writers);
  const seconds = (performance.now() - start) / 1000;
  const text = await (await fetch(`${gateway}/metrics`)).text();
  const counts = [...text.matchAll(/^runs_total\{.*\} (\d+)$/gm)].map(([, count]) => Number(count));
  real.kill();
  const result = { deliveries: 2000, held: counts.reduce((sum, count) => sum + count, 0), seconds };
  console.log(`2,000 deliveries to a real Pushgateway: ${result.held} arrived in ${seconds.toFixed(1)} s`);
  return result;
}
