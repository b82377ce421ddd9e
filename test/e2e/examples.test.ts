import { type ChildProcess, spawn } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { CLI, runCli } from '../support/cli.js';
import {
  crontabExamples,
  type Example,
  fencedBlock,
  helpExamples,
  shellExamples,
} from '../support/examples.js';
import { answering, type FaultyServer } from '../support/faulty-server.js';
import { describeOnPushgateways } from '../support/pushgateway.js';
import { waitFor } from '../support/wait-for.js';

const file = (path: string) => fileURLToPath(new URL(path, import.meta.url));
const DOCUMENTS = [
  'README.md',
  'CONTRIBUTING.md',
  'SECURITY.md',
  ...readdirSync(file('../../docs')).flatMap((name) => (name.endsWith('.md') ? [`docs/${name}`] : [])),
];
const COMMANDS = readdirSync(file('../../src/commands')).flatMap((name) =>
  name.endsWith('.ts') ? [name.slice(0, -3)] : [],
);
const help = async (command: string) => helpExamples(command, (await runCli([command, '--help'])).stdout);
const examples: readonly Example[] = [
  ...DOCUMENTS.flatMap((document) => [...shellExamples(document), ...crontabExamples(document)]),
  ...(await Promise.all(COMMANDS.map(help))).flat(),
];

/** What needs a container engine, a cluster or a package registry. */
const NEEDS_MORE = /^(?:docker|kind|kubectl|npm) /;
/** What runs until it is told to end. */
const ENDLESS = /prombatch (?:schedule (?!.*--max-runs)|gateway$|status .*--(?:watch|serve))/;
const executed = examples.filter(({ command }) => !NEEDS_MORE.test(command));

/** Programs of the examples that are not here. */
const STUBS = ['pg_dump', 'rsync', 'backup.sh', 'import-orders', 'report.py'];

let folder: string;
/** The example that was started last, with a group of its own. */
let running: ChildProcess | undefined;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'prombatch-examples-'));
  const modules = join(folder, 'node_modules');
  mkdirSync(join(folder, 'bin'));
  mkdirSync(modules);
  mkdirSync(join(folder, 'node_exporter'));
  symlinkSync(file('../..'), join(modules, 'prombatch'));
  symlinkSync(file('../../node_modules/prom-client'), join(modules, 'prom-client'));
  // As npm makes it.
  writeFileSync(join(folder, 'package.json'), '{ "type": "commonjs" }');
  const js = fencedBlock('README.md', 'js', 'export default defineJob');
  const name = /^\/\/ (\S+)\n/.exec(js)?.[1] ?? 'job';
  writeFileSync(
    join(folder, name),
    `${js}\nasync function fetchOrders() { return [1, 2, 3]; }\nasync function save() {}\n`,
  );
  stub('npx', `[ "$1" = prombatch ] || exit 99\nshift\nexec '${process.execPath}' '${CLI}' "$@"`);
  stub('prombatch', `exec '${process.execPath}' '${CLI}' "$@"`);
  for (const program of STUBS) stub(program, `echo "the output of ${program}"`);
});
afterEach(() => {
  // One that does not end, which nobody has listed yet.
  if (running?.exitCode === null && running.signalCode === null && running.pid)
    process.kill(-running.pid, 'SIGKILL');
  rmSync(folder, { recursive: true, force: true });
});

function stub(name: string, script: string): void {
  const path = join(folder, 'bin', name);
  writeFileSync(path, `#!/bin/sh\n${script}\n`);
  chmodSync(path, 0o755);
}

/** Stands in for the Prometheus at localhost:9090 that takes remote write. */
let receiver: FaultyServer;
beforeAll(async () => {
  receiver = await answering({ status: 204 });
});
afterAll(() => receiver.close());

/** Runs an example as a shell has it, at a gateway that stands in for the one at localhost:9091. */
async function run({ command }: Pick<Example, 'command'>, gateway: string, env: Record<string, string> = {}) {
  // There is no terminal to ask on.
  const asks = /prombatch (?:delete|prune) (?!.*--(?:yes|dry-run))/.test(command);
  const here = `${command.replace(/ +#.*/, '')}${asks ? ' --yes' : ''}`
    .replaceAll('localhost:9091', new URL(gateway).host)
    .replaceAll('localhost:9090', receiver.address)
    .replaceAll('/var/lib/node_exporter', join(folder, 'node_exporter'))
    .replaceAll('/usr/local/bin/', `${join(folder, 'bin')}/`);
  const child = spawn('/bin/sh', ['-c', `${ENDLESS.test(command) ? 'exec ' : ''}${here}`], {
    cwd: folder,
    env: {
      HOME: folder,
      TMPDIR: tmpdir(),
      PATH: `${join(folder, 'bin')}:${process.env.PATH}`,
      PUSHGATEWAY_URL: gateway,
      NODE_OPTIONS: `-r ${file('../support/any-port.cjs')}`,
      ...env,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  running = child;
  let output = '';
  child.stdout.on('data', (chunk) => (output += chunk));
  child.stderr.on('data', (chunk) => (output += chunk));
  const code = new Promise<number | null>((resolve) => child.on('close', resolve));
  if (ENDLESS.test(command)) {
    const isUp = () => /next at|http:\/\/127|\bjobs?\b/.test(output) || child.exitCode !== null;
    await waitFor(`"${command}" to be up`, isUp).finally(() => child.kill('SIGTERM'));
  }
  return { code: await code, output };
}

test(`these need a container engine, a cluster or a registry: ${examples.length - executed.length} of ${examples.length}`, () => {
  const left = examples.filter((example) => !executed.includes(example)).map(({ command }) => command);
  expect(left.map((command) => command.split(' ').slice(0, 2).join(' '))).toEqual([
    'npm ci',
    'npm install',
    'docker build',
    'docker run',
    'docker run',
    'docker build',
    'kind load',
    'kubectl apply',
    'kubectl -n',
    'kubectl -n',
    'kubectl -n',
    'docker compose',
    'docker compose',
    'docker compose',
    'docker compose',
    'npm ci',
    'npm ci',
  ]);
  expect(executed.length).toBeGreaterThan(20);
});

test('no example hides the failure of a command in a pipeline', () => {
  const sources = ['../../README.md', '../../docs', '../../deploy', '../../src/commands'].flatMap((path) => {
    const root = file(path);
    if (path.endsWith('.md')) return [root];
    return readdirSync(root, { recursive: true, encoding: 'utf8' }).map((name) => join(root, name));
  });
  const pipelines = sources
    .filter((path) => /\.(?:md|ts|ya?ml|service)$/.test(path))
    .flatMap((path) => readFileSync(path, 'utf8').split('\n'))
    .filter((line) => /\bsh (?:-o pipefail )?-c '[^']*[^|]\|[^|]/.test(line));
  expect(pipelines.length).toBeGreaterThan(0);
  // The README shows the wrong one too, and says so.
  const wrong = pipelines.filter((line) => !line.includes('pipefail'));
  expect(wrong).toEqual([expect.stringContaining("with `exec -- sh -c 'pg_dump shop | gzip > shop.gz'`")]);
});

describeOnPushgateways('every example does what it says', (gateway) => {
  test.each(executed.filter(({ command }) => !command.startsWith('echo ')))(
    '$command',
    async (example) => {
      if (example.command.includes('prombatch status')) {
        // All is well, so that its exit code is 0.
        await gateway().wipe();
        await run({ command: 'prombatch exec --job backup -- true' }, gateway().url);
      }
      if (example.command.includes('prombatch delete')) {
        // There must be something to delete.
        const pushed = example.command.replace(/delete(?: --retire)?/, 'exec').replace(/ +#.*/, '');
        await run({ command: `${pushed} -- true` }, gateway().url);
      }
      const { code, output } = await run(example, gateway().url);
      // The test's gateway keeps nothing on disk, which doctor finds.
      const fails = /--fail-after|prombatch doctor/.test(example.command);
      expect(code, output).toBe(fails ? 1 : 0);
      if (!fails) expect(output).not.toMatch(/error:|hint:|skipped/);
    },
    30_000,
  );

  test('a metric that a command appends is pushed', async () => {
    const appended = executed.find(({ command }) => command.startsWith('echo '))?.command ?? '';
    const { code } = await run(
      { command: `prombatch exec --job appends -- sh -c '${appended}'` },
      gateway().url,
    );
    expect(code).toBe(0);
    expect(await gateway().samples('appends')).toMatchObject({ rows_imported: 42 });
  });

  test('the job in code does what its example says', async () => {
    await run({ command: 'npx prombatch run ./import-orders.mjs' }, gateway().url);
    expect(await gateway().samples('import_orders')).toMatchObject({
      rows_imported_total: 3,
      batch_job_records_processed: 3,
      batch_job_success: 1,
    });
  });

  describe.each(executed.filter(({ command }) => command.includes('pg_dump')))(
    '$from: $command',
    (example) => {
      test('a dump that fails is a failed run, and the last backup stays', async () => {
        stub('pg_dump', 'echo "half a dump"; exit 3');
        writeFileSync(join(folder, 'shop.gz'), "yesterday's");
        const { code } = await run(example, gateway().url);
        expect(code).toBe(3);
        expect(await gateway().samples('nightly')).toMatchObject({
          batch_job_success: 0,
          batch_job_exit_code: 3,
        });
        expect(readFileSync(join(folder, 'shop.gz'), 'utf8')).toBe("yesterday's");
      });

      test('a dump that succeeds replaces the last backup', async () => {
        writeFileSync(join(folder, 'shop.gz'), "yesterday's");
        expect(await run(example, gateway().url)).toMatchObject({ code: 0 });
        expect(gunzipSync(readFileSync(join(folder, 'shop.gz'))).toString()).toBe('the output of pg_dump\n');
        expect(existsSync(join(folder, 'shop.gz.new'))).toBe(false);
      });
    },
  );
});
