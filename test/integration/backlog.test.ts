import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, expect, test } from 'vitest';
import { readBacklog } from '../../src/delivery/spool/backlog.js';
import { parseFamilies } from '../../src/exposition/parse.js';
import { openGateway } from '../../src/gateway/gateway.js';
import { runCli, startCli } from '../support/cli.js';
import { refusing } from '../support/faulty-server.js';
import { waitFor } from '../support/wait-for.js';

let folder: string;
let spool: string;
let textfile: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'prombatch-backlog-'));
  spool = join(folder, 'spool');
  textfile = join(folder, 'textfile');
  mkdirSync(textfile);
});

const run = (gateway: string, ...args: string[]) =>
  runCli(['run', '--interval', '0', '-g', gateway, '--spool', spool, ...args]);
const inVain = (address: string, ...args: string[]) => run(address, '--push-timeout', '300ms', ...args);
/** The host's file, whose name no job's can be. */
const hostFile = (): string | undefined =>
  readdirSync(textfile).find((name) => name.startsWith('prombatch+'));
const told = () =>
  Object.fromEntries(
    parseFamilies(readFileSync(join(textfile, hostFile() ?? ''), 'utf8')).map(({ name, samples }) => [
      name,
      samples.map(({ labels, value }) => [Object.fromEntries(labels).spool, value]),
    ]),
  );

test('a host tells its node_exporter how many runs wait and how many were set aside, until they are sent', async () => {
  const { address } = await refusing();
  for (const job of ['a', 'b', 'b']) await inVain(address, '--job', job, '--textfile', textfile);
  expect(told()).toEqual({
    prombatch_spooled_entries: [[spool, 3]],
    prombatch_rejected_entries: [[spool, 0]],
  });

  const gateway = await openGateway();
  // The spool is of the gateway's address: the same port again.
  const [waiting] = readdirSync(spool);
  await gateway.close();
  const again = await openGateway({ port: Number(/(\d+)$/.exec(address)?.[1]) });
  const flushed = await runCli(['flush', '-g', address, '--spool', spool, '--textfile', textfile]);
  await again.close();
  expect([flushed.code, waiting]).toEqual([0, encodeURIComponent(`http://${address}`)]);
  expect(told()).toEqual({
    prombatch_spooled_entries: [[spool, 0]],
    prombatch_rejected_entries: [[spool, 0]],
  });
});

test('a run that is delivered says that nothing waits, and what the gateway refused counts as set aside', async () => {
  const gateway = await openGateway();
  await fetch(`${gateway.url}/metrics/job/other`, {
    method: 'POST',
    body: '# TYPE prom_sample_gauge counter\nprom_sample_gauge 1\n',
  });
  await run(gateway.url, '--textfile', textfile);
  await gateway.close();
  expect(told()).toEqual({
    prombatch_spooled_entries: [[spool, 0]],
    prombatch_rejected_entries: [[spool, 1]],
  });
});

test('a second signal leaves the count true: the outcome that it left in the spool is in it', async () => {
  const { address } = await refusing();
  const job = join(folder, 'job.mjs');
  writeFileSync(
    job,
    "export default { [Symbol.for('prombatch.job')]: true, name: 'job', createRegistry: () => ({ metrics: () => '' }), async run() { console.log('begun'); await new Promise((resolve) => setTimeout(resolve, 60_000)); } };",
  );
  const cli = startCli(['run', job, '-g', address, '--spool', spool, '--textfile', textfile]);
  await waitFor('the run to begin', () => cli.stdout().includes('begun'));
  // Two that differ: the kernel delivers two equal ones as one.
  cli.child.kill('SIGTERM');
  cli.child.kill('SIGINT');
  expect((await cli.result).stderr).toContain('ended at once');
  expect(told().prombatch_spooled_entries).toEqual([[spool, 1]]);
});

test('without a gateway, without a spool and in a dry run there is no such file', async () => {
  await runCli(['run', '--interval', '0', '-g', 'none', '--textfile', textfile]);
  expect(readdirSync(textfile)).toEqual(['prom_sample_batch.prom']);
  const { address } = await refusing();
  await run(address, '--dry-run', '--textfile', textfile);
  await runCli([
    'run',
    '--interval',
    '0',
    '-g',
    address,
    '--push-timeout',
    '300ms',
    '--no-spool',
    '--textfile',
    textfile,
  ]);
  expect(readdirSync(textfile)).toEqual(['prom_sample_batch.prom']);
});

test('status shows what waits and what was set aside, for every gateway, as text and as JSON', async () => {
  const { address } = await refusing();
  await inVain(address);
  const gateway = await openGateway();
  const status = (...args: string[]) => runCli(['status', '-g', gateway.url, '--spool', spool, ...args]);
  const { code, stdout } = await status();
  expect(code).toBe(0);
  expect(stdout).toContain(
    `\nin the spool of this host, ${spool}:\n  http://${address}: 1 waiting, the first for `,
  );
  const { spool: json } = JSON.parse((await status('--json')).stdout) as { spool: { gateways: unknown[] } };
  expect(json).toEqual({ path: spool, gateways: readBacklog(spool) });
  expect(json.gateways).toMatchObject([{ gateway: `http://${address}`, waiting: 1, setAside: 0 }]);
  const empty = await runCli(['status', '-g', gateway.url]);
  expect(empty.stdout).toBe('no jobs\n');
  await gateway.close();
});

test('the count of a spool takes entries only, and needs no right to write', () => {
  const group = join(spool, 'http%3A%2F%2Fgw', '%2Fmetrics%2Fjob%2Fa');
  mkdirSync(join(group, 'rejected'), { recursive: true });
  for (const name of ['0000000001000000-1-x.json', '0000000002000000-1-y.json', 'lock', 'fold.json'])
    writeFileSync(join(group, name), '');
  for (const name of ['1.json', '1.json.reason', '2.json.damaged', '2.json.damaged.reason'])
    writeFileSync(join(group, 'rejected', name), '');
  chmodSync(group, 0o500);
  expect(readBacklog(spool)).toEqual([
    { gateway: 'http://gw', waiting: 2, waitingSinceSeconds: 1, setAside: 2 },
  ]);
  expect(readBacklog(join(folder, 'nothing'))).toEqual([]);
});
