import { logSettings } from '../settings/batch-settings.js';
import { listenAddress, timerDuration } from '../settings/parsers.js';
import { cannotListen } from './steps/cannot-listen.js';
import { defineCommand } from './steps/command.js';
import { sampleSettings } from './steps/find-job.js';
import { openLog } from './steps/open-log.js';

const settings = {
  listen: {
    kind: 'value',
    flags: '--listen <address>',
    env: ['PROMBATCH_SERVE_LISTEN'],
    help: 'host:port to listen on',
    parse: listenAddress,
    expected: 'host:port such as 127.0.0.1:9100, or :9100 for all addresses',
    default: ':9100',
  },
  intervalMs: {
    kind: 'value',
    flags: '--interval <duration>',
    env: [],
    help: 'between two ticks',
    parse: timerDuration({ zero: 'refused' }),
    expected: 'a duration such as 15s, more than 0',
    default: '15s',
  },
  seed: sampleSettings.seed,
  ...logSettings,
} as const;

export const serve = defineCommand({
  notes: `Exit codes:
  0      ended by a signal
  2      malformed arguments, or the address cannot be listened on
  70     a bug in prombatch`,
  settings,
  async run(host, { values }) {
    const [{ Registry }, { createRandom, createSampleMetrics, createTick }, { listen }] = await Promise.all([
      import('prom-client'),
      import('../job/sample-job.js'),
      import('../metrics-server.js'),
    ]);
    const log = openLog(host, values);
    const registry = new Registry();
    const tick = createTick(createSampleMetrics(registry), createRandom(values.seed));
    const pages = await listen(values.listen, {
      '/metrics': async () => ({ status: 200, body: await registry.metrics() }),
    }).catch((error: unknown) => {
      throw cannotListen('--listen', values.listen, error);
    });
    let ticks = 0;
    const timer = setInterval(() => tick(++ticks), values.intervalMs);
    const stopped = host.untilStopped();
    log.info(`the sample's metrics at ${pages.url}/metrics`, { event: 'listening', url: pages.url });
    await stopped;
    clearInterval(timer);
    await pages.close();
    return 0;
  },
});
