import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createLog, defineJob, runJob } from '../../src/index.js';
import { runCli } from '../support/cli.js';
import { echoing, type FaultyServer } from '../support/faulty-server.js';

// Some gateways, and proxies in front of them, show in their answer what they were asked, with all its headers.

let folder: string;
let spool: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'prombatch-echo-'));
  spool = join(folder, 'spool');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const base64 = (text: string) => Buffer.from(text).toString('base64');
const kept = (): string =>
  readdirSync(spool, { recursive: true, encoding: 'utf8' })
    .map((name) => join(spool, name))
    .filter((path) => statSync(path).isFile())
    .map((path) => readFileSync(path, 'utf8'))
    .join('\n');

interface Way {
  readonly gateway?: string;
  readonly credentials?: { readonly username: string; readonly password: string };
  readonly config?: string;
  readonly secrets: readonly string[];
  /** What is no secret, and stays. */
  readonly shown?: string;
}

const job = defineJob({
  name: 'echoed',
  createRegistry: () => ({ metrics: () => 'rows 1\n' }),
  run() {},
});

/** How the secrets of a run get to the gateway. `%` stands for its address. */
const ways = {
  'by variables': {
    credentials: { username: 'ops', password: 'p&s "w/rd' },
    secrets: ['p&s "w/rd', base64('ops:p&s "w/rd')],
  },
  'by the address': { gateway: 'http://ops:p%26ss@%', secrets: ['p&ss', 'p%26ss', base64('ops:p&ss')] },
  'by a user without a password': {
    gateway: 'http://t0ken-alone@%',
    secrets: ['t0ken-alone', base64('t0ken-alone:')],
  },
  'by a token': { config: 'authorization: { credentials: "t0ken/alone+" }', secrets: ['t0ken/alone+'] },
  'by a token in Basic form': {
    config: `authorization: { type: Basic, credentials: "${base64('ops:p4ssword')}" }`,
    secrets: [base64('ops:p4ssword'), 'p4ssword'],
  },
  'by headers': {
    config:
      'http_headers: { X-Scope: { secrets: [s3cret-scope] }, X-Api-Key: { values: [k3y-in-values] }, X-Tenant: { values: [tenant] } }',
    secrets: ['s3cret-scope', 'k3y-in-values'],
    shown: 'tenant',
  },
  'by a proxy': {
    config: 'proxy_url: http://ops:pr0xy%2Fpass@%',
    gateway: 'http://gateway.test',
    secrets: ['pr0xy/pass', base64('ops:pr0xy/pass')],
  },
} satisfies Readonly<Record<string, Way>>;

const forms: Readonly<Record<string, (head: string) => string>> = {
  text: (head) => head,
  JSON: (head) => JSON.stringify({ headers: head.split('\r\n') }),
  URL: (head) => encodeURIComponent(head),
  HTML: (head) => `<pre>${head.replaceAll('&', '&amp;').replaceAll('"', '&#34;')}</pre>`,
};

/** A run of a job with metrics of its own: all that it says, and what it leaves in the spool. */
async function run(server: FaultyServer, way: Way): Promise<string> {
  const httpConfigFile = join(folder, 'http.yml');
  writeFileSync(httpConfigFile, (way.config ?? '{}').replace('@%', `@${server.address}`));
  let said = '';
  const { delivery } = await runJob(job, {
    gateway: (way.gateway ?? '%').replace(/%$/, server.address),
    spool,
    httpConfigFile,
    credentials: way.credentials,
    log: createLog({ format: 'text', quiet: false, write: (text) => (said += text) }),
  });
  return `${said}${JSON.stringify(delivery)}${kept()}`;
}

function expectHidden(shown: string, secrets: readonly string[]): void {
  for (const secret of secrets) {
    const written = [secret, base64(secret), encodeURIComponent(secret), JSON.stringify(secret).slice(1, -1)];
    for (const text of written) expect(shown).not.toContain(text);
  }
}

describe.each<[string, Way]>(Object.entries(ways))(
  'what was sent %s is neither shown nor kept',
  (_name, way) => {
    test.each(Object.keys(forms))('by a gateway that shows it as %s', async (form) => {
      const server = await echoing(400, forms[form]);
      const shown = await run(server, way);
      expect(server.requests.length).toBeGreaterThan(0);
      expect(shown).toContain('***');
      expect(shown).toContain(way.shown ?? 'prombatch');
      expectHidden(shown, way.secrets);
      await server.close();
    });

    test.each([401, 404, 307, 503])('where the answer is %s', async (status) => {
      const server = await echoing(status);
      const shown = await run(server, way);
      expect(shown).toContain('***');
      expectHidden(shown, way.secrets);
      await server.close();
    });
  },
);

test('the command and flush say nothing of it either', async () => {
  const server = await echoing(503);
  const { secrets, credentials } = ways['by variables'];
  const env = { PUSHGATEWAY_USERNAME: credentials.username, PUSHGATEWAY_PASSWORD: credentials.password };
  const flags = ['-g', server.address, '--spool', spool];
  const ran = await runCli(['run', '--interval', '0', ...flags], { env });
  const flushed = await runCli(['flush', ...flags], { env });
  expect(ran.stderr).toContain('Basic ***');
  expect(flushed.stderr).toContain('Basic ***');
  expectHidden(ran.stderr + flushed.stderr + flushed.stdout + kept(), secrets);
  await server.close();
});
