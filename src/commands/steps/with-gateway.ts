import type { Log } from '../../log.js';
import type { Host, Output } from '../../process/host.js';

export interface WithGatewayOptions {
  readonly host: Host;
  readonly log: Log;
  /** Where what an embedded gateway holds is printed. */
  readonly results: Output;
  /** As `--gateway` gave it, if it did. */
  readonly gateway: string | undefined;
  readonly noSpool: boolean;
  readonly dryRun: boolean;
  /** Leave an embedded gateway up until a signal. */
  readonly keep: boolean;
}

const USUAL_PORT = 9091;

/**
 * Calls `body` with the gateway to push to. For `embedded` that is one in this process, at port 9091 or, where
 * that is taken, a free one; what it holds is printed afterwards, since it goes with the process.
 */
export async function withGateway(
  options: WithGatewayOptions,
  body: (delivery: { gateway: string | undefined; noSpool: boolean }) => Promise<number>,
): Promise<number> {
  const { host, log, results, gateway, noSpool, keep } = options;
  if (keep && (gateway !== 'embedded' || options.dryRun)) {
    log.warn('--keep: only an embedded gateway needs it; any other stays up by itself', {
      event: 'option_ignored',
    });
  }
  if (gateway !== 'embedded') return body({ gateway, noSpool });
  if (options.dryRun) return body({ gateway: `http://localhost:${USUAL_PORT}`, noSpool });

  const [{ openGateway }, { formatGroups }] = await Promise.all([
    import('../../gateway/gateway.js'),
    import('../../gateway/describe.js'),
  ]);
  const running = await openGateway({ port: USUAL_PORT }).catch(async (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EADDRINUSE') throw error;
    const free = await openGateway();
    log.info(`port ${USUAL_PORT} is taken: the embedded gateway is at ${free.url}`, {
      event: 'listening',
      url: free.url,
    });
    return free;
  });
  try {
    // What an embedded gateway holds goes with it, and so has nothing to wait for.
    const exitCode = await body({ gateway: running.url, noSpool: true });
    results.write(`\n${formatGroups(running.url, running.groups(), Date.now() / 1000)}`);
    if (keep && !host.wasStopped()) {
      log.info(`the embedded gateway stays up at ${running.url} until Ctrl-C`, {
        event: 'listening',
        url: running.url,
      });
      await host.untilStopped();
    }
    return exitCode;
  } finally {
    await running.close();
  }
}
