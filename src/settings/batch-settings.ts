import { parseGroupingLabel } from '../delivery/grouping-key.js';
import { redactAddress, withoutUserinfo } from '../redact.js';
import { oneOf, path, spoolLimit, text, timerDuration, timezone } from './parsers.js';

const duration = { kind: 'value', parse: timerDuration({ zero: 'allowed' }) } as const;
const DURATION = 'a duration of at most 24d such as 30s or 5m';

/** The settings of every command that runs a job, by the names of the run's options. */
export const batchSettings = {
  gateway: {
    kind: 'value',
    flags: '-g, --gateway <url>',
    env: ['PROMBATCH_GATEWAY', 'PUSHGATEWAY_URL'],
    help: 'the Pushgateway: host:port, an http(s) URL, embedded or none (default: http://localhost:9091; with --remote-write: none)',
    parse: text,
    expected: 'the address of a Pushgateway such as http://localhost:9091',
    redact: redactAddress,
  },
  remoteWrite: {
    kind: 'list',
    flags: '--remote-write <url>',
    env: ['PROMBATCH_REMOTE_WRITE'],
    help: 'a receiver of remote write, such as http://prometheus:9090/api/v1/write; may be repeated',
    parse: text,
    parseFlag: (given: string) => (withoutUserinfo(given) === given ? text(given) : undefined),
    expected: 'the URL of a receiver, with user and password in PROMBATCH_REMOTE_WRITE alone',
    redact: redactAddress,
  },
  remoteWriteFile: {
    kind: 'value',
    flags: '--remote-write-file <file>',
    env: ['PROMBATCH_REMOTE_WRITE_FILE'],
    help: "receivers of remote write with how to get in, in the YAML form of Prometheus' remote_write",
    parse: path,
    expected: 'a file',
  },
  job: {
    kind: 'value',
    flags: '-j, --job <name>',
    env: ['PROMBATCH_JOB'],
    help: "the grouping label job (default: the job's own name)",
    parse: text,
    expected: 'a name for the job',
  },
  grouping: {
    kind: 'list',
    flags: '--grouping <name=value>',
    env: ['PROMBATCH_GROUPING'],
    help: 'a further grouping label; may be repeated',
    parse: parseGroupingLabel,
    expected: 'a label as name=value',
  },
  replace: {
    kind: 'switch',
    flags: '--replace',
    env: ['PROMBATCH_REPLACE'],
    help: 'the final push of a success replaces the whole group (PUT)',
  },
  accumulate: {
    kind: 'switch',
    flags: '--accumulate',
    env: ['PROMBATCH_ACCUMULATE'],
    help: "counters, histograms and summaries' sums and counts go on from the last run",
  },
  pushTimeoutMs: {
    kind: 'value',
    flags: '--push-timeout <duration>',
    env: ['PROMBATCH_PUSH_TIMEOUT'],
    help: 'one deadline over all tries of the final push',
    parse: timerDuration({ zero: 'refused' }),
    expected: `${DURATION}, more than 0`,
    default: '15s',
  },
  timeoutMs: {
    ...duration,
    flags: '--timeout <duration>',
    env: ['PROMBATCH_TIMEOUT'],
    help: "the job's deadline; 0 is none",
    expected: DURATION,
    default: '0',
  },
  graceMs: {
    ...duration,
    flags: '--grace <duration>',
    env: ['PROMBATCH_GRACE'],
    help: 'what the job gets to end after a signal or its deadline',
    expected: DURATION,
    default: '5s',
  },
  expectedInterval: {
    kind: 'value',
    flags: '--expected-interval <duration|cron>',
    env: ['PROMBATCH_EXPECTED_INTERVAL'],
    help: 'how often the job should succeed: sets when its next success is due',
    parse: text,
    expected: 'a duration such as 1h or a cron expression such as "0 3 * * *"',
  },
  timezone: {
    kind: 'value',
    flags: '--timezone <name>',
    env: ['PROMBATCH_TIMEZONE'],
    help: "the cron expression's time zone (default: the system's)",
    parse: timezone,
    expected: 'an IANA time zone such as Europe/Berlin',
  },
  pushIntervalMs: {
    ...duration,
    flags: '--push-interval <duration>',
    env: ['PROMBATCH_PUSH_INTERVAL'],
    help: "push the job's metrics while it runs; 0 is off",
    expected: DURATION,
    default: '0',
  },
  noStartPush: {
    kind: 'switch',
    flags: '--no-start-push',
    env: ['PROMBATCH_NO_START_PUSH'],
    help: 'do not push when the run begins',
  },
  spool: {
    kind: 'value',
    flags: '--spool <dir>',
    env: ['PROMBATCH_SPOOL'],
    opposite: 'noSpool',
    help: 'where the final push is kept until the gateway has it (default: prombatch/spool in the XDG state home)',
    parse: path,
    expected: 'a folder',
  },
  noSpool: {
    kind: 'switch',
    flags: '--no-spool',
    env: ['PROMBATCH_NO_SPOOL'],
    opposite: 'spool',
    help: 'keep nothing on disk',
  },
  spoolLimit: {
    kind: 'value',
    flags: '--spool-limit <n|size>',
    env: ['PROMBATCH_SPOOL_LIMIT'],
    help: 'how much may wait: entries, a size such as 64MiB, or both with a comma',
    parse: spoolLimit,
    expected: 'a number of entries, a size such as 64MiB, or both as 1000,64MiB',
    default: '1000,64MiB',
  },
  textfile: {
    kind: 'value',
    flags: '--textfile <dir>',
    env: ['PROMBATCH_TEXTFILE'],
    help: "also write the metrics for node_exporter's textfile collector; with --gateway none only there",
    parse: path,
    expected: 'a folder',
  },
  httpConfigFile: {
    kind: 'value',
    flags: '--http-config-file <file>',
    env: ['PROMBATCH_HTTP_CONFIG_FILE'],
    help: "how to get into a protected gateway, in the YAML form of Prometheus' http_config",
    parse: path,
    expected: 'a file',
  },
  dryRun: {
    kind: 'switch',
    flags: '--dry-run',
    env: ['PROMBATCH_DRY_RUN'],
    help: 'print what would be pushed, and push nothing',
  },
} as const;

/** `--on-push-failure`, whose default depends on the command. */
export function onPushFailureSetting<const D extends 'fail' | 'warn'>(byDefault: D) {
  return {
    kind: 'value',
    flags: '--on-push-failure <fail|warn>',
    env: ['PROMBATCH_ON_PUSH_FAILURE'],
    help: 'whether a push failure counts in the exit code',
    parse: oneOf('fail', 'warn'),
    expected: 'fail or warn',
    default: byDefault,
  } as const;
}

/** How every command logs. */
export const logSettings = {
  logFormat: {
    kind: 'value',
    flags: '--log-format <text|json>',
    env: ['PROMBATCH_LOG_FORMAT'],
    help: 'how stderr reads',
    parse: oneOf('text', 'json'),
    expected: 'text or json',
    default: 'text',
  },
  quiet: {
    kind: 'switch',
    flags: '-q, --quiet',
    env: ['PROMBATCH_QUIET'],
    help: 'say only warnings and errors, and draw no progress bar',
  },
  verbose: {
    kind: 'switch',
    flags: '--verbose',
    env: ['PROMBATCH_VERBOSE'],
    help: 'say each request, each try and what the spool does; outranks --quiet',
  },
} as const;
