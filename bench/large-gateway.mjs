// The embedded gateway beside the real one, with many groups.
import { spawn, spawnSync } from 'node:child_process';
import { startGateway } from '../dist/lib/testing.js';
import { median } from './measure.mjs';

export async function largeGateway() {
  if (spawnSync('prometheus-pushgateway', ['--version']).status !== 0) {
    console.log('/metrics of 1,000 groups: no prometheus-pushgateway here to compare with');
    return undefined;
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
  const scrape = async (url) => {
    const start = performance.now();
    await (await fetch(`${url}/metrics`)).text();
    return performance.now() - start;
  };
  const times = { embedded: /** @type {number[]} */ ([]), real: /** @type {number[]} */ ([]) };
  for (let round = 0; round < 11; round++) {
    times.embedded.push(await scrape(embedded.url));
    times.real.push(await scrape(realUrl));
  }
  const ofReal = median(times.embedded) / median(times.real);
  console.log(
    `/metrics of 1,000 groups of 30 series: the embedded gateway takes ${ofReal.toFixed(2)} of the real one`,
  );
  real.kill();
  await embedded.close();
  return { ofReal };
}
