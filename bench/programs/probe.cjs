// Preloaded into a scheduler: measures its event loop and its heap, and says both when it ends.
const { monitorEventLoopDelay } = require('node:perf_hooks');

const delay = monitorEventLoopDelay({ resolution: 5 });
const heaps = [];
delay.enable();
const timer = setInterval(() => {
  delay.disable();
  global.gc?.();
  heaps.push(process.memoryUsage().heapUsed / 2 ** 20);
  delay.enable();
}, 10_000).unref();
process.on('exit', () => {
  clearInterval(timer);
  const left = process
    .getActiveResourcesInfo()
    .filter((name) => !/^(?:Timeout|TTYWrap|PipeWrap)$/.test(name));
  const listeners = process.eventNames().map((name) => `${String(name)} ${process.listenerCount(name)}`);
  console.log(`heap after collection, MiB each 10 s: ${heaps.map((heap) => heap.toFixed(1)).join(' ')}`);
  console.log(
    `event-loop delay beyond its 5 ms: p99 ${(delay.percentile(99) / 1e6 - 5).toFixed(1)} ms, max ${(delay.max / 1e6 - 5).toFixed(1)} ms`,
  );
  console.log(`left open: ${left.join(', ') || 'nothing'}; listeners: ${listeners.join(', ')}`);
});
