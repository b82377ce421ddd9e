import { createProgressBar } from '../process/progress-bar.js';
import { batchSettings, logSettings, onPushFailureSetting } from '../settings/batch-settings.js';
import { defineCommand } from './steps/command.js';
import { findJobToRun, sampleSettings } from './steps/find-job.js';
import { openLog } from './steps/open-log.js';
import { runOnce } from './steps/run-once.js';
import { withGateway } from './steps/with-gateway.js';

const settings = {
  ...batchSettings,
  keep: {
    kind: 'switch',
    flags: '--keep',
    env: [],
    help: 'with --gateway embedded: leave it up after the run, until a signal',
  },
  onPushFailure: onPushFailureSetting('fail'),
  ...sampleSettings,
  ...logSettings,
} as const;

export const run = defineCommand({
  notes: `Exit codes:
  0      the job succeeded, and its metrics were delivered (or --on-push-failure is warn)
  1      the job failed
  2      malformed arguments, and nothing was run; or a module that does not load, which with --job is pushed
         as a failed run
  3      the job succeeded, but its metrics were not delivered
  124    the job ran past --timeout
  128+n  ended by signal n, after its outcome was pushed or kept in the spool
  70     a bug in prombatch`,
  settings,
  async run(host, { values, given, args: [module] }) {
    const job = await findJobToRun(host, values, given, module);
    const bar = createProgressBar(host.stderr, job.name, !values.quiet && values.logFormat === 'text');
    const log = openLog(host, values, bar.print);
    return withGateway({ host, log, results: host.stdout, ...values }, (delivery) =>
      runOnce(host, job, { ...values, ...delivery }, { log, onProgress: bar.update, onEnd: bar.clear }),
    );
  },
});
