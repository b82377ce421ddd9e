import type { PushEvent } from '../gateway/push-record.js';
import { logSettings } from '../settings/batch-settings.js';
import { listenAddress } from '../settings/parsers.js';
import { cannotListen } from './steps/cannot-listen.js';
import { defineCommand } from './steps/command.js';
import { openLog } from './steps/open-log.js';

const settings = {
  listen: {
    kind: 'value',
    flags: '--listen <address>',
    env: ['PROMBATCH_GATEWAY_LISTEN'],
    help: 'host:port to listen on',
    parse: listenAddress,
    expected: 'host:port such as 127.0.0.1:9091',
    default: '127.0.0.1:9091',
  },
  ...logSettings,
} as const;

export const gateway = defineCommand({
  notes: `It speaks the Pushgateway's HTTP API and shows its groups on a page. It keeps everything in memory and
asks for no password: it is not for production.

Exit codes:
  0      ended by a signal
  2      malformed arguments, or the address cannot be listened on
  70     a bug in prombatch`,
  settings,
  async run(host, { values }) {
    const [{ openGateway }, { logPush }] = await Promise.all([
      import('../gateway/gateway.js'),
      import('../gateway/push-log.js'),
    ]);
    const log = openLog(host, values);
    const onPush = (event: PushEvent) => logPush(log, event);
    const running = await openGateway({ ...values.listen, onPush }).catch((error: unknown) => {
      throw cannotListen('--listen', values.listen, error);
    });
    if (!running.loopback) {
      log.warn(
        `${running.url} can be reached from other machines, and anyone who reaches it can push and delete`,
        { event: 'open_to_others' },
      );
    }
    // Listened for before it is said that it is up: whoever reads that may stop it at once.
    const stopped = host.untilStopped();
    log.info(`gateway at ${running.url}`, { event: 'listening', url: running.url });
    await stopped;
    await running.close();
    return 0;
  },
});
