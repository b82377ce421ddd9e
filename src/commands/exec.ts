import { batchSettings, logSettings, onPushFailureSetting } from '../settings/batch-settings.js';
import { defineCommand } from './steps/command.js';
import { resolveCommandJob } from './steps/command-job.js';
import { openLog } from './steps/open-log.js';
import { runOnce } from './steps/run-once.js';
import { withGateway } from './steps/with-gateway.js';

const settings = {
  ...batchSettings,
  job: {
    ...batchSettings.job,
    help: "the grouping label job (default: the command's or script's base name)",
  },
  onPushFailure: onPushFailureSetting('warn'),
  ...logSettings,
} as const;

export const exec = defineCommand({
  passThrough: true,
  notes: `The command runs without a shell, on this input and output. What it appends to the file that
PROMBATCH_METRICS_FILE names, in the text format, is pushed with the run:
  echo "rows_imported 42" >> "$PROMBATCH_METRICS_FILE"
A success is said only on a terminal or with --log-format json, so that cron has nothing to mail.

Examples:
  prombatch exec -- /usr/local/bin/backup.sh --full
  prombatch exec --job nightly --timeout 2h --expected-interval 1d -- \\
    bash -o pipefail -c 'pg_dump shop | gzip > shop.gz.new && mv shop.gz.new shop.gz'
With sh -c the exit code of a pipeline is that of its last command, whatever became of the others.

Exit codes:
  n      the command's own, whatever became of its metrics
  2      malformed arguments; nothing was run
  3      the command succeeded, its metrics were not delivered, and --on-push-failure is fail
  124    the command ran past --timeout
  126    the command cannot be executed
  127    the command was not found
  128+n  the command was killed by signal n
  70     a bug in prombatch`,
  settings,
  async run(host, { values, args: argv }) {
    const spoken = host.stderr.isTTY || values.logFormat === 'json';
    const log = openLog(host, { ...values, quiet: values.quiet || !spoken });
    const job = resolveCommandJob(host, argv, values, log);
    return withGateway({ host, log, results: host.stderr, keep: false, ...values }, (delivery) =>
      runOnce(host, job, { ...values, ...delivery }, { log }),
    );
  },
});
