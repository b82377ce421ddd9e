import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { runCli, startCli } from '../support/cli.js';
import { answering, type FaultyServer } from '../support/faulty-server.js';

let server: FaultyServer;
beforeAll(async () => {
  server = await answering({ status: 200 });
});
afterAll(() => server.close());

describe('a malformed command line is one line that says what was expected and what came, and runs nothing', () => {
  test.each([
    [['--ticks', '-1'], '--ticks: expected a whole number of ticks, 0 or more, got "-1"'],
    [['--ticks', 'abc'], '--ticks: expected a whole number of ticks, 0 or more, got "abc"'],
    [['--ticks', '1e3'], '--ticks: expected a whole number of ticks, 0 or more, got "1e3"'],
    [['--interval', '5 bananas'], '--interval: expected a duration such as 100ms or 2s, got "5 bananas"'],
    [['--interval', '5', 'bananas'], '--interval: expected a duration such as 100ms or 2s, got "5"'],
    [
      ['--gateway', 'ftp://x'],
      'gateway: expected host:port or an http(s) URL such as http://localhost:9091, got "ftp://x"',
    ],
    [
      ['--gateway', 'http://'],
      'gateway: expected host:port or an http(s) URL such as http://localhost:9091, got "http://"',
    ],
    [['--gateway', 'http://u:p@ss@h:x'], 'got "http://***@h:x"'],
    [['--gateway', '9091'], 'got "9091"'],
    [['--gateway', 'https:/h:9091'], 'got "https:/h:9091"'],
    [['--gatewayy=http://u:secret@h'], "unknown option '--gatewayy=http://***@h'"],
    [['http://u:secret@h'], 'there is no http://***@h'],
    [['--grouping', 'stage=prod'], 'grouping: expected a label other than "stage", got "stage=prod"'],
    [['--grouping', 'version=2'], 'grouping: expected a label other than "version", got "version=2"'],
    [[''], 'module: expected a file with a job, got an empty text'],
    [['', '--job', 'a'], 'module: expected a file with a job, got an empty text'],
    [['--gateway', ''], '--gateway: expected the address of a Pushgateway'],
    [
      ['--push-timeout', '0'],
      '--push-timeout: expected a duration of at most 24d such as 30s or 5m, more than 0, got "0"',
    ],
    [['--timeout', '30d'], '--timeout: expected a duration of at most 24d such as 30s or 5m, got "30d"'],
    [['--on-push-failure', 'maybe'], '--on-push-failure: expected fail or warn, got "maybe"'],
    [['--grouping', 'novalue'], '--grouping: expected a label as name=value, got "novalue"'],
    [['--grouping', 'a='], 'grouping: expected a value for label "a", got an empty text'],
    [['--grouping', 'job=x'], 'grouping: expected a label other than "job", got "job=x"'],
    [['--grouping', '__x=1'], 'got "__x=1"'],
    [['--grouping', '1x=1'], 'got "1x=1"'],
    [['--grouping', 'a=1', '--grouping', 'a=2'], 'grouping: expected label "a" once, got it twice'],
    [['--job', ''], '--job: expected a name for the job, got ""'],
    [
      ['--expected-interval', 'often'],
      'expected-interval: expected a duration such as 1h or a cron expression',
    ],
    [['--expected-interval', '0'], 'expected-interval: expected more than 0'],
    [['--expected-interval', '0 25 * * *'], 'got "0 25 * * *"'],
    [
      ['--timezone', 'Mars/Base'],
      '--timezone: expected an IANA time zone such as Europe/Berlin, got "Mars/Base"',
    ],
    [['--fail-after', '20'], '--fail-after: expected at most the number of ticks (13), got 20'],
    [['--log-format', 'xml'], '--log-format: expected text or json, got "xml"'],
    [['--bananas'], "unknown option '--bananas'"],
    [
      ['./nowhere.js'],
      'module: expected a file with a job, and there is no ./nowhere.js; nothing was pushed',
    ],
    [['./nowhere.js', '--ticks', '2'], '--ticks: expected no module with it, got "./nowhere.js"'],
    [['one.js', 'two.js'], 'too many arguments'],
    [
      ['-g', 'localhost'],
      'gateway: expected host:port or an http(s) URL such as http://localhost:9091 with a port',
    ],
    [['-g', 'unix:/run/gw.sock'], 'and no unix socket, got "unix:/run/gw.sock"'],
  ])('run %j', async (args, message) => {
    const { code, stdout, stderr } = await runCli(['run', ...args], {
      env: { PUSHGATEWAY_URL: server.address },
    });
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    const [first = '', ...rest] = stderr.trimEnd().split('\n');
    expect(first).toMatch(/^prombatch: error: /);
    expect(first).toContain(message);
    expect(rest.filter((line) => !line.startsWith('  hint: '))).toEqual([]);
    expect(server.requests).toEqual([]);
  });

  test.each([
    ['PROMBATCH_PUSH_TIMEOUT', 'soon', 'PROMBATCH_PUSH_TIMEOUT: expected a duration'],
    ['PROMBATCH_REPLACE', 'yes', 'PROMBATCH_REPLACE: expected true, false, 1 or 0, got "yes"'],
    ['PROMBATCH_GROUPING', 'a=1,b', 'PROMBATCH_GROUPING: expected a label as name=value, got "b"'],
  ])('%s=%s', async (name, value, message) => {
    const result = await runCli(['run'], { env: { PUSHGATEWAY_URL: server.address, [name]: value } });
    expect(result.code).toBe(2);
    expect(result.stderr).toContain(message);
    expect(server.requests).toEqual([]);
  });

  test('an unknown command', async () => {
    const { code, stderr } = await runCli(['runn']);
    expect(code).toBe(2);
    expect(stderr).toContain("unknown command 'runn'");
  });

  test('no command: the help, on stderr', async () => {
    const { code, stdout, stderr } = await runCli([]);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain('Usage: prombatch');
  });
});

describe('the environment', () => {
  const quick = ['run', '--interval', '0', '--ticks', '1'];

  test('a blank variable counts as unset, an address may carry blanks around it', async () => {
    const before = server.requests.length;
    const result = await runCli(quick, {
      env: {
        PROMBATCH_GATEWAY: ' ',
        PUSHGATEWAY_URL: ` ${server.address}\n`,
        PROMBATCH_JOB: '',
        PROMBATCH_GROUPING: '',
        PROMBATCH_TIMEOUT: '',
        PROMBATCH_REPLACE: '',
        PROMBATCH_PUSH_TIMEOUT: '  ',
      },
    });
    expect(result.code).toBe(0);
    expect(server.requests.slice(before).map((request) => request.split(' ', 2).join(' '))).toEqual([
      'POST /metrics/job/prom_sample_batch',
      'POST /metrics/job/prom_sample_batch',
    ]);
  });

  test('variables stand in for flags, and flags beat them', async () => {
    const before = server.requests.length;
    const env = {
      PUSHGATEWAY_URL: 'http://unused.invalid',
      PROMBATCH_GATEWAY: server.address,
      PROMBATCH_JOB: 'from_env',
      PROMBATCH_GROUPING: 'shard=1, zone=eu',
      PROMBATCH_NO_START_PUSH: 'true',
      PROMBATCH_REPLACE: '1',
    };
    expect((await runCli(quick, { env })).code).toBe(0);
    expect((await runCli([...quick, '--job', 'from_flag'], { env })).code).toBe(0);
    expect(server.requests.slice(before).map((request) => request.split(' ', 2).join(' '))).toEqual([
      'PUT /metrics/job/from_env/shard/1/zone/eu',
      'PUT /metrics/job/from_flag/shard/1/zone/eu',
    ]);
  });

  test('--on-push-failure warn: a broken gateway address is a warning, and the job still runs', async () => {
    const result = await runCli([...quick, '--on-push-failure', 'warn', '--gateway', 'ftp://x']);
    expect(result.code).toBe(0);
    expect(result.stderr).toContain('prom_sample_batch succeeded');
    expect(result.stderr).toContain('got "ftp://x"');
  });
});

test('--help and --version answer on stdout with 0', async () => {
  const help = await runCli(['run', '--help']);
  expect(help).toMatchObject({ code: 0, stderr: '' });
  for (const text of ['--push-timeout <duration>', 'PROMBATCH_GATEWAY, PUSHGATEWAY_URL', 'Exit codes:']) {
    expect(help.stdout).toContain(text);
  }
  expect(await runCli(['--version'])).toMatchObject({ code: 0, stdout: '0.1.0\n' });
});

test('a label that looks per-run is a warning, once', async () => {
  const { stderr } = await runCli(
    ['run', '--interval', '0', '--grouping', 'pod=a-1', '--grouping', 'run_id=2'],
    { env: { PUSHGATEWAY_URL: server.address } },
  );
  expect(stderr.match(/warning:/g)).toHaveLength(1);
  expect(stderr).toContain('label "pod" usually differs in every run');
});

test('logs as JSON are one object a line, also for errors of the command line', async () => {
  const { stderr } = await runCli(['run', '--interval', '0', '--log-format', 'json', '-g', server.address]);
  const lines = stderr
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  expect(lines.map(({ level }) => level)).toEqual(['info', 'info']);
  expect(lines[0]).toMatchObject({ status: 'succeeded', recordsProcessed: 13, exitCode: 0 });
  const bad = await runCli(['run', '--log-format', 'json', '--ticks', 'x']);
  expect(JSON.parse(bad.stderr)).toMatchObject({ level: 'error', code: 'USAGE' });
});

test('--quiet says nothing when all is well', async () => {
  const result = await runCli(['run', '--interval', '0', '--quiet', '-g', server.address]);
  expect(result).toMatchObject({ code: 0, stdout: '', stderr: '' });
});

test('a dry run says what the gateway would overwrite, and prints the outcome alone', async () => {
  const result = await runCli(['run', '--dry-run', '--interval', '0', '--grouping', 'id=x']);
  expect(result.code).toBe(3);
  expect(result.stderr).toContain('metric "prom_sample_labeled_gauge" has the label id="2"');
  expect(result.stdout).toContain('batch_job_metrics_rejected 1');
  expect(result.stdout).not.toContain('prom_sample_counter');
});

test('a dry run shows method, decoded and raw URL, headers and body, and no credentials', async () => {
  const { code, stdout } = await runCli([
    'run',
    '--dry-run',
    '--interval',
    '0',
    '--job',
    'a/b',
    '-g',
    'http://u:secret@gw/x',
  ]);
  expect(code).toBe(0);
  expect(stdout).toContain(
    'POST http://gw/x/metrics/job/a/b\nraw URL: http://gw/x/metrics/job@base64/YS9i\n',
  );
  expect(stdout).toContain(
    'Authorization: Basic (hidden)\nContent-Type: text/plain; version=0.0.4; charset=utf-8',
  );
  expect(stdout).not.toContain('Content-Encoding');
  expect(stdout).toContain('\nprom_sample_counter 13\n');
  expect(stdout).not.toMatch(/secret|dTpz/);
});

test('a reader of the output that goes away does not break the run', async () => {
  const before = server.requests.length;
  const cli = startCli(['run', '-g', server.address, '--ticks', '3', '--interval', '20ms']);
  cli.child.stderr?.destroy();
  cli.child.stdout?.destroy();
  expect((await cli.result).code).toBe(0);
  expect(server.requests.length - before).toBe(2);
});
