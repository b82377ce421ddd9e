import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { parseDuration } from '../../src/duration.js';
import { runCli } from '../support/cli.js';
import {
  baseManifests,
  KUBERNETES,
  kubectlMinor,
  kustomize,
  type Manifest,
  podSpecs,
} from '../support/manifests.js';
import { describeOnPushgateways } from '../support/pushgateway.js';

const project = fileURLToPath(new URL('../..', import.meta.url));
const OVERLAYS = readdirSync(`${KUBERNETES}/overlays`).map((name) => `overlays/${name}`);

/** The module of the schemas for an API group. */
const schemasOf = (apiVersion: string): string =>
  apiVersion.startsWith('monitoring.coreos.com')
    ? `@kubernetes-models/prometheus-operator/${apiVersion}`
    : `kubernetes-models/${apiVersion}`;

/** Without the one field that is younger than the schemas: keep_firing_for, of Prometheus Operator 0.64. */
const asKnown = (object: Manifest): Manifest =>
  object.kind === 'PrometheusRule'
    ? (JSON.parse(JSON.stringify(object), (key, value) =>
        key === 'keep_firing_for' ? undefined : value,
      ) as Manifest)
    : object;

async function check(given: readonly Manifest[]): Promise<void> {
  const objects = given.map(asKnown);
  for (const object of objects) {
    const kinds = (await import(schemasOf(object.apiVersion))) as Record<
      string,
      new (
        object: Manifest,
      ) => { validate(): void }
    >;
    const Kind = kinds[object.kind];
    expect(Kind, object.kind).toBeDefined();
    if (Kind) new Kind(object).validate();
  }
  checkFields(objects);
}

/** A field that a kind does not have is an error of the compiler: the schemas alone let it pass. */
function checkFields(objects: readonly Manifest[]): void {
  const folder = mkdtempSync(join(project, 'node_modules', '.manifests-'));
  try {
    const lines = objects.map(
      (object, index) =>
        `export const object${index}: import('${schemasOf(object.apiVersion)}').I${object.kind} = ${JSON.stringify(object)};`,
    );
    writeFileSync(join(folder, 'objects.ts'), lines.join('\n'));
    execFileSync(
      'npx',
      [
        'tsc',
        '--noEmit',
        '--strict',
        '--skipLibCheck',
        '--module',
        'nodenext',
        '--ignoreConfig',
        join(folder, 'objects.ts'),
      ],
      { cwd: project, stdio: 'pipe', encoding: 'utf8' },
    );
  } catch (error) {
    throw new Error(String((error as { stdout?: string }).stdout ?? error));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

test('every object of the base is valid by its schema, and has no field that its kind does not know', async () => {
  const objects = baseManifests();
  expect(objects.map(({ kind }) => kind).sort()).toEqual([
    'CronJob',
    'Deployment',
    'Namespace',
    'NetworkPolicy',
    'PersistentVolumeClaim',
    'PrometheusRule',
    'Service',
    'ServiceMonitor',
  ]);
  await check(objects);
});

test('a field that a kind does not know, and a value of another type, are found', async () => {
  const [cronJob] = baseManifests().filter(({ kind }) => kind === 'CronJob');
  if (!cronJob) throw new Error('no CronJob');
  expect(() => checkFields([{ ...cronJob, spec: { ...cronJob.spec, shedule: 'x' } }])).toThrow('shedule');
  await expect(
    check([{ ...cronJob, spec: { ...cronJob.spec, concurrencyPolicy: 'Maybe' } }]),
  ).rejects.toThrow();
});

describe.skipIf((kubectlMinor() ?? 0) < 27)('kubectl kustomize, 1.27 or newer', () => {
  test.each(['base', ...OVERLAYS])('%s: valid objects in one namespace, with pinned images', async (path) => {
    const objects = kustomize(path);
    await check(objects);
    for (const { kind, metadata } of objects) {
      if (kind !== 'Namespace') expect(metadata.namespace, `${kind} ${metadata.name}`).toBe('batch');
    }
    for (const { spec } of podSpecs(objects)) expect(spec.containers[0].image).toMatch(/:v?\d+\.\d+/);
    expectRestricted(objects);
    const configMaps = objects
      .filter(({ kind }) => kind === 'ConfigMap')
      .map(({ metadata }) => metadata.name);
    for (const { spec } of podSpecs(objects)) {
      for (const { configMapRef } of spec.containers[0].envFrom ?? [])
        expect(configMaps).toContain(configMapRef.name);
    }
  });

  test('the spool is on a volume, and is used', () => {
    const [job] = podSpecs(kustomize('overlays/spool')).filter(({ name }) => name === 'sample');
    const { env, volumeMounts } = job?.spec.containers[0] ?? {};
    expect(env).toContainEqual({ name: 'PROMBATCH_SPOOL', value: '/spool' });
    expect(volumeMounts).toContainEqual({ name: 'spool', mountPath: '/spool' });
    expect(job?.spec.volumes).toContainEqual({
      name: 'spool',
      persistentVolumeClaim: { claimName: 'spool' },
    });
  });
});

/** The profile "restricted" of Kubernetes' Pod Security Standards, and a root that cannot be written. */
function expectRestricted(objects: readonly Manifest[]): void {
  const pods = podSpecs(objects);
  expect(pods.length).toBeGreaterThan(0);
  for (const { name, spec } of pods) {
    expect(spec.securityContext, name).toMatchObject({
      runAsNonRoot: true,
      seccompProfile: { type: 'RuntimeDefault' },
    });
    expect(spec.securityContext.runAsUser, name).toBeGreaterThan(0);
    expect(spec.automountServiceAccountToken, name).toBe(false);
    for (const host of ['hostNetwork', 'hostPID', 'hostIPC']) expect(spec[host], name).toBeUndefined();
    for (const volume of spec.volumes) {
      expect(Object.keys(volume).filter((key) => key !== 'name')).toEqual([
        expect.stringMatching(
          /^(configMap|downwardAPI|emptyDir|ephemeral|persistentVolumeClaim|projected|secret)$/,
        ),
      ]);
    }
    for (const container of [...spec.containers, ...(spec.initContainers ?? [])]) {
      expect(container.securityContext, name).toEqual({
        allowPrivilegeEscalation: false,
        readOnlyRootFilesystem: true,
        capabilities: { drop: ['ALL'] },
      });
      for (const port of container.ports ?? []) expect(port.hostPort).toBeUndefined();
      expect(container.resources.limits.memory).toBeDefined();
    }
  }
}

test('the pods of the base keep to the restricted Pod Security Standard, which the namespace enforces', () => {
  expectRestricted(baseManifests());
  const [namespace] = baseManifests().filter(({ kind }) => kind === 'Namespace');
  expect(namespace?.metadata).toMatchObject({
    labels: { 'pod-security.kubernetes.io/enforce': 'restricted' },
  });
});

test('a job gets more time to end than its grace period and last push take, and its own deadline comes first', () => {
  const objects = [
    ...baseManifests(),
    ...parseOverlay('own-command/cronjob.yaml'),
    ...parseOverlay('sharded/job.yaml'),
  ];
  const jobs = objects.filter(({ kind }) => kind === 'CronJob' || kind === 'Job');
  expect(jobs).toHaveLength(3);
  for (const { kind, spec } of jobs) {
    const job = kind === 'CronJob' ? spec.jobTemplate.spec : spec;
    const args: string[] = job.template.spec.containers[0].args;
    const flag = (name: string) =>
      (parseDuration(args.find((arg) => arg.startsWith(name))?.split('=')[1] ?? '') ?? 0) / 1000;
    const grace = flag('--grace');
    expect(grace).toBeGreaterThan(0);
    const termination = job.template.spec.terminationGracePeriodSeconds ?? 30;
    expect(termination).toBeGreaterThan(grace + 3);
    const tries = (job.backoffLimit ?? 1) + Math.ceil((job.completions ?? 1) / (job.parallelism ?? 1));
    expect(job.activeDeadlineSeconds).toBeGreaterThan(tries * (flag('--timeout') + grace + 15));
  }
});

const parseOverlay = (path: string): Manifest[] => [
  parse(readFileSync(`${KUBERNETES}/overlays/${path}`, 'utf8')) as Manifest,
];

test('the alerts in the cluster are those of the one rules file', () => {
  const [rule] = baseManifests().filter(({ kind }) => kind === 'PrometheusRule');
  expect(rule?.spec).toEqual(parse(readFileSync(`${project}deploy/prometheus/rules.yml`, 'utf8')));
});

test('what is due is what is scheduled, in the same time zone', () => {
  for (const { spec } of [
    ...baseManifests().filter(({ kind }) => kind === 'CronJob'),
    ...parseOverlay('own-command/cronjob.yaml'),
  ]) {
    const { args } = spec.jobTemplate.spec.template.spec.containers[0];
    expect(args).toContain(`--expected-interval=${spec.schedule}`);
    expect(args).toContain(`--timezone=${spec.timeZone}`);
  }
});

describeOnPushgateways("the manifests' own commands", (gateway) => {
  const configured = (): Record<string, string> => {
    const { configMapGenerator } = parse(readFileSync(`${KUBERNETES}/base/kustomization.yaml`, 'utf8')) as {
      configMapGenerator: { literals: string[] }[];
    };
    const pairs = (configMapGenerator[0]?.literals ?? []).map((literal) =>
      literal.split(/=(.*)/s).slice(0, 2),
    );
    return { ...Object.fromEntries(pairs), PUSHGATEWAY_URL: gateway().url, PROMBATCH_NO_SPOOL: 'true' };
  };
  /** As the kubelet does it: `$(NAME)` in an argument is the container's variable. */
  const expand = (arg: string, env: Record<string, string>) =>
    arg.replace(/\$\((\w+)\)/g, (_, name) => env[name] ?? '');

  test('the CronJob of the base pushes the sample, and when it is due', async () => {
    const [pod] = podSpecs(baseManifests()).filter(({ name }) => name === 'sample');
    const args: string[] = pod?.spec.containers[0].args ?? [];
    const { code } = await runCli([...args, '--interval=0'], { env: configured() });
    expect(code).toBe(0);
    expect(await gateway().samples('sample')).toMatchObject({
      prom_sample_counter: 13,
      batch_job_success: 1,
    });
    expect(await gateway().samples('sample')).toHaveProperty('batch_job_success_due_timestamp_seconds');
  });

  test("one's own command pushes what it appends", async () => {
    const [job] = parseOverlay('own-command/cronjob.yaml');
    const { args } = job?.spec.jobTemplate.spec.template.spec.containers[0] ?? {};
    expect((await runCli(args, { env: configured() })).code).toBe(0);
    expect(await gateway().samples('orders_import')).toMatchObject({
      rows_imported: 42,
      batch_job_success: 1,
    });
  });

  test('each shard of the indexed Job has a group of its own', async () => {
    const [job] = parseOverlay('sharded/job.yaml');
    const { args } = job?.spec.template.spec.containers[0] ?? {};
    for (let index = 0; index < job?.spec.completions; index++) {
      const env = { ...configured(), JOB_COMPLETION_INDEX: String(index) };
      const { code } = await runCli(
        args.map((arg: string) => expand(arg, env)),
        { env },
      );
      expect(code).toBe(0);
    }
    const samples = await gateway().samples('reindex');
    const records = [0, 1, 2, 3].map((shard) => samples[`batch_job_records_processed{shard="${shard}"}`]);
    expect(records).toEqual([1000, 1001, 1002, 1003]);
  });

  test('the systemd unit runs what it says, with its own environment', async () => {
    const unit = readFileSync(`${project}deploy/systemd/prombatch-backup.service`, 'utf8');
    const [, line = ''] = /^ExecStart=\/usr\/local\/bin\/prombatch (.*)$/m.exec(unit) ?? [];
    const words = line.replace('%H', 'host1').split(' ');
    const command = words.indexOf('--');
    const { code } = await runCli([...words.slice(0, command), '-g', gateway().url, '--', 'true'], {
      env: { PROMBATCH_NO_SPOOL: 'true' },
    });
    expect(code).toBe(0);
    expect(await gateway().samples('backup')).toMatchObject({ 'batch_job_success{host="host1"}': 1 });
    const grace = parseDuration(words[words.indexOf('--grace') + 1] ?? '') ?? 0;
    const stop = parseDuration(/^TimeoutStopSec=(.*)$/m.exec(unit)?.[1] ?? '') ?? 0;
    expect(stop).toBeGreaterThan(grace + 3000);
  });
});
