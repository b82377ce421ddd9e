import { batchSettings, logSettings } from '../settings/batch-settings.js';
import { longDuration, serveAddress, text } from '../settings/parsers.js';
import { defineCommand } from './steps/command.js';
import { openLog } from './steps/open-log.js';
import { openBacklogReader } from './steps/read-backlog.js';
import { gatewaySettings, openGatewayReader } from './steps/read-gateway.js';

const settings = {
  ...gatewaySettings,
  job: {
    kind: 'value',
    flags: '-j, --job <pattern>',
    env: [],
    help: 'only jobs of this name; * is any text, ? any character',
    parse: text,
    expected: 'a name or a pattern such as import_*',
  },
  grouping: { ...batchSettings.grouping, env: [], help: 'only groups with this label; may be repeated' },
  spool: { ...batchSettings.spool, help: 'the spool of which to say what waits (default: as for run)' },
  json: { kind: 'switch', flags: '--json', env: [], help: 'print the jobs as JSON' },
  maxAgeMs: {
    kind: 'value',
    flags: '--max-age <duration>',
    env: [],
    help: 'an older success is overdue, for jobs that do not say how often they should succeed',
    parse: longDuration,
    expected: 'a duration such as 2d, more than 0',
  },
  expect: {
    kind: 'list',
    flags: '--expect <job>',
    env: [],
    help: 'a job that must be there; may be repeated',
    parse: text,
    expected: 'the name of a job',
  },
  watch: { kind: 'switch', flags: '--watch', env: [], help: 'show it again and again, until a signal' },
  serve: {
    kind: 'value',
    flags: '--serve <[host:]port>',
    env: [],
    help: 'show it as a page, read only, until a signal',
    parse: serveAddress,
    expected: 'a port, or host:port such as 127.0.0.1:8080',
  },
  ...logSettings,
} as const;

export const status = defineCommand({
  notes: `The worst come first. A job is wrong if its last run failed or was probably killed, if it is overdue or never
succeeded, if the gateway refused its last push or its own metrics, or if it is expected and not there.

Exit codes:
  0      all is well, or ended by a signal with --watch or --serve
  1      something is wrong with a job
  2      malformed arguments, or the address of --serve cannot be listened on
  3      the gateway cannot be read
  70     a bug in prombatch`,
  settings,
  async run(host, { values }) {
    const log = openLog(host, values);
    const { client, readGroups } = await openGatewayReader(host, values, log);
    const shown = {
      gateway: client.target,
      readGroups,
      readBacklog: await openBacklogReader(host, values, log),
      selection: {
        job: values.job,
        grouping: values.grouping,
        expected: values.expect,
        maxAgeSeconds: values.maxAgeMs === undefined ? undefined : values.maxAgeMs / 1000,
      },
    };
    try {
      if (values.serve !== undefined) {
        const { serveStatus } = await import('./steps/serve-status.js');
        return await serveStatus(host, log, values.serve, shown);
      }
      const { showStatus, watchStatus } = await import('./steps/show-status.js');
      return await (values.watch ? watchStatus : showStatus)(host, log, values.json, shown);
    } finally {
      client.close();
    }
  },
});
