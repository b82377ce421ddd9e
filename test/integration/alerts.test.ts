import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse, parseDocument, stringify } from 'yaml';
import { runCli, startCli } from '../support/cli.js';
import { long } from '../support/long.js';
import { createMark } from '../support/processes.js';
import { findServer } from '../support/server-process.js';
import { describeOnStacks, project, type Stack, startStack } from '../support/stack.js';
import { waitFor } from '../support/wait-for.js';

const promtool = findServer('promtool');
const amtool = findServer('amtool');
const RULES = join(project, 'deploy/prometheus/rules.yml');
const TESTS = ['rules.test.yml', 'rules-days.test.yml', 'rules-weeks.test.yml'].map((name) =>
  join(project, 'deploy/prometheus', name),
);

interface Rule {
  readonly alert: string;
  readonly expr: string;
  readonly for?: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}
const rules = (parse(readFileSync(RULES, 'utf8')) as { groups: [{ rules: Rule[] }] }).groups[0].rules;

interface RuleTests {
  readonly tests: readonly {
    readonly alert_rule_test: readonly {
      readonly alertname: string;
      readonly exp_alerts: readonly { readonly exp_labels: Readonly<Record<string, string>> }[];
    }[];
  }[];
}

describe.skipIf(!promtool)('the rules', () => {
  test.each([
    ['check', 'config', join(project, 'prometheus.yml')],
    ['check', 'rules', RULES],
    ['test', 'rules', ...TESTS],
  ])('promtool %s %s passes', (...args) => {
    expect(execFileSync(promtool ?? '', args, { encoding: 'utf8', stdio: 'pipe' })).toContain('SUCCESS');
  });

  test('each alert has a case in which it fires and one in which it is silent', () => {
    const cases = TESTS.flatMap((path) => (parse(readFileSync(path, 'utf8')) as RuleTests).tests).flatMap(
      ({ alert_rule_test }) => alert_rule_test,
    );
    for (const { alert, labels } of rules) {
      const of = cases.filter(({ alertname }) => alertname === alert);
      const fired = of.flatMap(({ exp_alerts }) => exp_alerts).map(({ exp_labels }) => exp_labels.reason);
      expect(fired, `${alert} ${labels.reason ?? ''}`).toContain(labels.reason);
      expect(
        of.some(({ exp_alerts }) => exp_alerts.length === 0),
        alert,
      ).toBe(true);
    }
  });

  test('each alert says how bad it is, what it is, what to do, and has its part of the runbook', () => {
    const runbook = readFileSync(join(project, 'docs/runbook.md'), 'utf8');
    for (const { alert, labels, annotations } of rules) {
      expect(labels.severity, alert).toMatch(/^(warning|critical)$/);
      expect(annotations.summary, alert).toMatch(/\S/);
      expect(annotations.description, alert).toMatch(/\.$/);
      expect(annotations.runbook_url).toBe(`docs/runbook.md#${alert.toLowerCase()}`);
      expect(runbook).toContain(`\n## ${alert}\n`);
    }
  });

  /** Every way to break a rule that is worth trying: a number, a comparison, a condition, the time it waits. */
  const mutations = rules.flatMap((rule, index) => {
    const changed: [string, Partial<Rule>][] = [
      ['never fires', { expr: `(${rule.expr}) and on() vector(0) > 1` }],
    ];
    for (const [number] of rule.expr.matchAll(/(?<![\w.[])\d+(?:\.\d+)?(?![\w.\]])/g)) {
      if (number === '0' || number === '1') continue;
      changed.push([
        `${number} is ten times that`,
        { expr: rule.expr.replaceAll(number, String(Number(number) * 10)) },
      ]);
    }
    if (rule.expr.includes(' > ')) changed.push(['> is <', { expr: rule.expr.replaceAll(' > ', ' < ') }]);
    for (const line of rule.expr.split('\n').filter((part) => /^\s+(and|unless) /.test(part))) {
      changed.push([`without "${line.trim()}"`, { expr: rule.expr.replace(line, '') }]);
    }
    if (rule.for !== undefined)
      changed.push([`for ${rule.for} is for ten times that`, { for: rule.for.replace(/\d+/, '$&0') }]);
    return changed.map(
      ([what, change]) => [`${rule.alert} ${rule.labels.reason ?? ''}: ${what}`, index, change] as const,
    );
  });

  /** Whether the tests pass with one rule changed. Those that look at its alert are tried first: most notice. */
  const passes = async (index: number, change: Partial<Rule>): Promise<boolean> =>
    (await pass(index, change, ({ alertname }) => alertname === rules[index]?.alert)) &&
    (await pass(index, change, () => true));
  const pass = async (
    index: number,
    change: Partial<Rule>,
    looksAt: (one: { readonly alertname: string }) => boolean,
  ): Promise<boolean> => {
    const folder = mkdtempSync(join(tmpdir(), 'prombatch-rules-'));
    try {
      const document = parseDocument(readFileSync(RULES, 'utf8'));
      for (const [key, value] of Object.entries(change))
        document.setIn(['groups', 0, 'rules', index, key], value);
      writeFileSync(join(folder, 'rules.yml'), document.toString());
      for (const path of TESTS) {
        const given = parse(readFileSync(path, 'utf8')) as RuleTests;
        const tests = given.tests.filter(({ alert_rule_test }) => alert_rule_test.some(looksAt));
        if (tests.length === 0) continue;
        const copy = join(folder, basename(path));
        writeFileSync(copy, stringify({ ...given, tests }));
        const child = spawn(promtool ?? '', ['test', 'rules', copy], { stdio: 'ignore' });
        const [status] = (await once(child, 'exit')) as [number];
        if (status !== 0) return false;
      }
      return true;
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  };

  test('a rule that is broken in any of these ways is found by its tests', async () => {
    const unseen: string[] = [];
    expect(mutations.length).toBeGreaterThan(35);
    const one = Math.floor(Math.random() * mutations.length);
    const left = mutations.filter((_, index) => long || index === one);
    const work = async (): Promise<void> => {
      for (let next = left.pop(); next; next = left.pop()) {
        const [what, index, change] = next;
        if (await passes(index, change)) unseen.push(what);
      }
    };
    await Promise.all([work(), work()]);
    expect(unseen).toEqual([]);
  }, 900_000);
});

describe.skipIf(!amtool)('Alertmanager', () => {
  const config = join(project, 'deploy/alertmanager/alertmanager.yml');

  test('amtool accepts its configuration', () => {
    expect(
      execFileSync(amtool ?? '', ['check-config', config], { encoding: 'utf8', stdio: 'pipe' }),
    ).toContain('SUCCESS');
  });

  test.each(rules.map(({ alert, labels }) => [alert, labels.severity ?? ''] as const))(
    '%s (%s) has a receiver',
    (alert, severity) => {
      const receiver = execFileSync(
        amtool ?? '',
        [
          'config',
          'routes',
          'test',
          `--config.file=${config}`,
          `alertname=${alert}`,
          `severity=${severity}`,
          'job=x',
        ],
        { encoding: 'utf8', stdio: 'pipe' },
      );
      expect(receiver.trim()).toBe('webhook');
    },
  );

  test('a gateway that is down silences every alert on what it would tell, and those alone', () => {
    const { inhibit_rules } = parse(readFileSync(config, 'utf8')) as {
      inhibit_rules: { target_matchers: string[] }[];
    };
    const pattern = /alertname=~"(.*)"/.exec(inhibit_rules[0]?.target_matchers[0] ?? '')?.[1] ?? '';
    const silenced = new Set(
      rules.map(({ alert }) => alert).filter((alert) => new RegExp(`^(?:${pattern})$`).test(alert)),
    );
    expect([...silenced].sort()).toEqual([
      'BatchJobFailed',
      'BatchJobKilled',
      'BatchJobNotSucceeding',
      'BatchJobSlow',
      'BatchMetricsRejected',
      'PushFailing',
    ]);
  });
});

describeOnStacks('from a job to the webhook', (programs) => {
  let stack: Stack;
  beforeAll(async () => {
    stack = await startStack(programs, {
      ' + 300': ' + 1',
      '< 300': '< 1',
      'keep_firing_for: 5m': 'keep_firing_for: 1s',
      'for: 1h': 'for: 4s',
      'for: 2m': 'for: 2s',
      'for: 1m': 'for: 2s',
      'for: 5m': 'for: 2s',
    });
  });
  afterAll(() => stack?.stop());

  const run = (job: string, words: readonly string[], flags: readonly string[] = []) =>
    runCli(['exec', '-g', stack.gateway.url, '--job', job, ...flags, '--', ...words]);
  const metric = (line: string) => ['sh', '-c', `printf '${line}' > "$PROMBATCH_METRICS_FILE"`];
  /** The alerts that have arrived, those of each name and job by what they last said. */
  const state = () =>
    Object.fromEntries(
      stack.received.map(({ status, labels }) => [`${labels.alertname} ${labels.job}`, status]),
    );

  test('the right alerts arrive and no other, and resolve when the jobs recover', async () => {
    // Two fail, get killed, stop or clash after they have once succeeded; two do well all the time.
    for (const job of ['fails', 'killed', 'stops', 'clashes', 'fine']) {
      expect((await run(job, ['true'], ['--expected-interval', '1h'])).code).toBe(0);
    }
    expect(
      (await run('owner', metric('# TYPE rows counter\\nrows 1\\n'), ['--expected-interval', '1h'])).code,
    ).toBe(0);

    await run('fails', ['sh', '-c', 'exit 9']);
    await run('stops', ['true'], ['--expected-interval', '1s']);
    await run('clashes', metric('# TYPE rows gauge\\nrows 1\\n'), ['--expected-interval', '1h']);
    const mark = createMark();
    const killed = startCli(['exec', '-g', stack.gateway.url, '--job', 'killed', '--', 'sleep', '300'], {
      env: mark.env,
    });
    await waitFor('the start to be pushed', async () => {
      const {
        batch_job_last_start_timestamp_seconds: start = 0,
        batch_job_last_completion_timestamp_seconds: end = 0,
      } = await stack.gateway.samples('killed');
      return start > end;
    });
    killed.child.kill('SIGKILL');
    for (const line of mark.running()) process.kill(Number(line.split(' ')[0]), 'SIGKILL');

    const expected = {
      'BatchJobFailed fails': 'firing',
      'BatchJobNotSucceeding stops': 'firing',
      'BatchMetricsRejected clashes': 'firing',
      'BatchJobKilled killed': 'firing',
    };
    await waitFor(
      'the alerts',
      () => Object.keys(expected).every((key) => state()[key] === 'firing'),
      60_000,
    );
    const failed = stack.received.find(({ labels }) => labels.alertname === 'BatchJobFailed');
    expect(failed?.annotations.description).toContain('fails ended with exit code 9');
    // Whatever else would fire has had the time to.
    const evaluated = Date.now() / 1000 + 6;
    await waitFor('some evaluations more', async () =>
      (await stack.query('time()')).some(({ value }) => Number(value?.[0]) > evaluated),
    );
    expect(state()).toEqual(expected);

    for (const job of ['fails', 'killed', 'stops', 'clashes']) {
      expect((await run(job, ['true'], ['--expected-interval', '1h'])).code).toBe(0);
    }
    await waitFor(
      'the alerts to resolve',
      () => Object.keys(expected).every((key) => state()[key] === 'resolved'),
      60_000,
    );
    expect(Object.keys(state()).sort()).toEqual(Object.keys(expected).sort());
  }, 180_000);

  test('a gateway that goes away is one alert, and none for each job', async () => {
    const before = new Set(Object.keys(state()));
    await stack.gateway.stop('SIGKILL');
    await waitFor('the alert', () => state()['PushgatewayDown pushgateway'] === 'firing', 60_000);
    const news = Object.keys(state()).filter((key) => !before.has(key));
    expect(news).toEqual(['PushgatewayDown pushgateway']);
  }, 90_000);
});
