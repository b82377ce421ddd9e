// A job with SERIES series; started by itself it makes them, and writes them as text if SERIALISE is set.
import { Gauge, Registry } from 'prom-client';
import { defineJob } from '../../dist/lib/index.js';

/** @param {Registry} registry */
function fill(registry) {
  const gauge = new Gauge({ name: 'series', help: 'Many.', labelNames: ['n'], registers: [registry] });
  for (let n = 0; n < Number(process.env.SERIES); n++) gauge.set({ n }, n / 7);
}

export default defineJob({ name: 'wide', run: ({ registry }) => fill(registry) });

if (process.argv[1] === import.meta.filename) {
  const registry = new Registry();
  fill(registry);
  if (process.env.SERIALISE) process.stdout.write(`${(await registry.metrics()).length}`);
}
