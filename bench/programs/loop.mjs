// The sample's ticks as a bare loop of the same prom-client calls, which gives way after each as the sample does.
import { setImmediate as yieldOnce } from 'node:timers/promises';
import { Counter, Gauge, Histogram, Registry, Summary } from 'prom-client';

const registers = [new Registry()];
const family = (name, more = {}) => ({ name, help: name, registers, ...more });
const counter = new Counter(family('counter'));
const gauge = new Gauge(family('gauge'));
const labeled = new Gauge(family('labeled', { labelNames: ['id'] }));
const buckets = [20, 40, 60, 80, 100];
const histogram = new Histogram(family('histogram', { labelNames: ['status_code'], buckets }));
const summary = new Summary(family('summary', { labelNames: ['status_code'] }));
const codes = [200, 201, 400, 403, 404, 500];
for (let tick = 1; tick <= Number(process.argv[2]); tick++) {
  if (tick > 1) await yieldOnce();
  const level = tick % 10;
  counter.inc();
  gauge.set(level);
  labeled.set({ id: '2' }, level * 2);
  labeled.set({ id: '3' }, level * 3);
  const status_code = codes[Math.floor(Math.random() * codes.length)];
  const ms = Math.floor(Math.random() * 100);
  histogram.observe({ status_code }, ms);
  summary.observe({ status_code }, ms);
}
await registers[0]?.metrics();
