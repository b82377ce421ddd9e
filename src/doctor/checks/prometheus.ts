import type { GatewayGroup } from '../../exposition/api-groups.js';
import { nameGroup } from '../../removal/describe.js';
import { lastHeardOf } from '../../removal/group-id.js';
import { printable } from '../../status/printable.js';
import type { Evidence, GatewayEvidence, PrometheusEvidence, Scrape } from '../evidence.js';
import type { Finding } from '../finding.js';
import { listed } from '../words.js';

/** The name that the rules ask for. */
const SCRAPE_JOB = 'pushgateway';

/** The alerts of deploy/prometheus/rules.yml. */
export const ALERTS = [
  'BatchJobNotSucceeding',
  'BatchJobFailed',
  'BatchJobKilled',
  'BatchJobSlow',
  'BatchMetricsRejected',
  'PushFailing',
  'PushgatewayDown',
  'PushgatewayGroupsGrowing',
  'HonorLabelsMissing',
] as const;

/** Whether Prometheus sees what the gateway holds, and would say so. */
export function checkPrometheus({ gateway, prometheus }: Evidence): readonly Finding[] {
  if (!prometheus) return [];
  if (prometheus.problem !== undefined || prometheus.version === undefined) {
    return [
      {
        check: 'prometheus_unreachable',
        what: `Prometheus cannot be asked: ${prometheus.problem ?? 'its version is not told'}`,
        why: 'Whether it scrapes the gateway is not known.',
        fix: `curl ${prometheus.target}/-/healthy`,
      },
    ];
  }
  return [...(gateway ? checkScrape(prometheus, gateway) : []), ...checkRules(prometheus)];
}

function checkScrape(prometheus: PrometheusEvidence, gateway: GatewayEvidence): readonly Finding[] {
  const { target, scrapes = [] } = prometheus;
  const why = 'Nothing that is pushed reaches a dashboard or an alert.';
  if (scrapes.length === 0) {
    const address = gateway.target.replace(/^https?:\/\//, '');
    return [
      {
        check: 'not_scraped',
        what: `Prometheus at ${target} does not scrape ${gateway.target}`,
        why,
        fix: `in its configuration: {job_name: ${SCRAPE_JOB}, honor_labels: true, static_configs: [{targets: ['${address.split('/', 1)[0]}']}]}`,
      },
    ];
  }
  return scrapes.flatMap((scrape) => {
    if (scrape.health === 'down') {
      const what = `Prometheus cannot scrape the gateway at ${scrape.url}: ${scrape.lastError}`;
      return [{ check: 'scrape_fails', what, why, fix: `curl ${scrape.url} from the host of Prometheus` }];
    }
    return [...checkNames(scrape), ...checkSeries(scrape, prometheus, gateway)];
  });
}

function checkNames({ job, honorLabels }: Scrape): readonly Finding[] {
  const findings: Finding[] = [];
  if (honorLabels === false) {
    findings.push({
      check: 'honor_labels',
      what: `the scrape of the gateway (job_name: ${job}) lacks honor_labels: true`,
      why: 'What jobs push as job arrives as exported_job, and no rule or dashboard finds it.',
      fix: `add honor_labels: true to job_name: ${job}, and reload Prometheus`,
    });
  }
  if (job !== SCRAPE_JOB) {
    findings.push({
      check: 'scrape_job',
      what: `the gateway is scraped as job "${printable(job)}", and the rules ask for "${SCRAPE_JOB}"`,
      why: 'PushgatewayDown fires all the time, and says nothing if the gateway is down.',
      fix: `name the scrape job_name: ${SCRAPE_JOB}, or change PushgatewayDown`,
    });
  }
  return findings;
}

/** Groups that Prometheus should have by now: pushed two scrapes ago or earlier. */
function checkSeries(
  { honorLabels, intervalSeconds, health, url }: Scrape,
  { series }: PrometheusEvidence,
  { groups = [], nowSeconds }: GatewayEvidence,
): readonly Finding[] {
  if (!series || honorLabels === false || health !== 'up') return [];
  const limit = 2 * intervalSeconds + 5;
  const missing = groups.filter(
    (group) =>
      nowSeconds - (lastHeardOf(group) ?? nowSeconds) > limit &&
      !series.some((labels) => isOf(labels, group)),
  );
  if (missing.length === 0) return [];
  return [
    {
      check: 'series_missing',
      what: `Prometheus scrapes the gateway, but has no series of ${listed(missing.map(nameGroup))}`,
      why: 'No rule and no dashboard knows of these jobs.',
      fix: `look at metric_relabel_configs, sample_limit and label_limit of the scrape of ${url}`,
    },
  ];
}

function isOf(series: Readonly<Record<string, string>>, { labels }: GatewayGroup): boolean {
  return labels.every(([name, value]) => (series[name] ?? '') === value);
}

function checkRules({ target, alerts = [] }: PrometheusEvidence): readonly Finding[] {
  const loaded = new Set(alerts.map(({ name }) => name));
  const missing = ALERTS.filter((name) => !loaded.has(name));
  const broken = alerts.filter(({ name, lastError }) => lastError !== '' && isOurs(name));
  const firing = alerts.filter(({ name, firing: fires }) => fires.length > 0 && isOurs(name));
  return [
    ...(missing.length === 0
      ? []
      : [
          {
            check: 'rules_missing',
            what:
              missing.length === ALERTS.length
                ? `Prometheus at ${target} has not loaded the rules of prombatch`
                : `Prometheus at ${target} has not loaded ${listed(missing)}`,
            why: 'No alert is raised if a job fails, is killed or does not run.',
            fix: 'add deploy/prometheus/rules.yml to rule_files, and reload Prometheus',
          },
        ]),
    ...broken.map(({ name, lastError }) => ({
      check: 'rule_fails',
      what: `the rule ${name} cannot be evaluated: ${lastError}`,
      why: 'It never fires.',
      fix: 'promtool check rules deploy/prometheus/rules.yml',
    })),
    ...firing.map(({ name, firing: fires }) => ({
      check: 'alert_fires',
      what: `${name} fires for ${listed(fires.map(subjectOf))}`,
      why: 'Something is wrong with it, by the rules.',
      fix: `docs/runbook.md#${name.toLowerCase()}`,
    })),
  ];
}

function isOurs(name: string): boolean {
  return ALERTS.some((alert) => alert === name);
}

function subjectOf(labels: Readonly<Record<string, string>>): string {
  const { batch_job: batchJob, job, exported_job: exportedJob, instance } = labels;
  return printable(batchJob ?? exportedJob ?? job ?? instance ?? 'no job');
}
