import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, test } from 'vitest';
import { CLI } from '../support/cli.js';
import { long } from '../support/long.js';
import { canMakeNamespaces } from '../support/namespaces.js';
import { describeOnPushgateways } from '../support/pushgateway.js';
import { findServer } from '../support/server-process.js';
import { waitFor } from '../support/wait-for.js';

const cron = findServer('cron');
const root = mkdtempSync(join(tmpdir(), 'prombatch-cron-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

const readme = readFileSync(fileURLToPath(new URL('../../README.md', import.meta.url)), 'utf8');
const crontab = /```crontab\n(.*?)```/s.exec(readme)?.[1] ?? '';

/**
 * Debian's cron with a crontab of its own. In a mount namespace, the folders that cron reads and the one in which
 * the README expects prombatch are replaced, so that nothing of this system is changed.
 */
function startCron(table: string) {
  const folder = mkdtempSync(join(root, 'cron-'));
  const place = (name: string) => {
    mkdirSync(join(folder, name), { recursive: true });
    return join(folder, name);
  };
  const [tables, drops, run, home, local, original] = [
    'tables',
    'drops',
    'run',
    'home',
    'local',
    'original',
  ].map(place) as [string, string, string, string, string, string];
  writeFileSync(join(tables, 'root'), table, { mode: 0o600 });
  writeFileSync(join(folder, 'crontab'), '');
  for (const name of readdirSync('/usr/local/bin')) symlinkSync(join(original, name), join(local, name));
  symlinkSync(CLI, join(local, 'prombatch'));
  try {
    symlinkSync(process.execPath, join(local, 'node'));
  } catch {}
  const setup = [
    `mount --bind /usr/local/bin ${original}`,
    `mount --bind ${local} /usr/local/bin`,
    `mount --bind ${tables} /var/spool/cron/crontabs`,
    `mount --bind ${drops} /etc/cron.d`,
    `mount --bind ${folder}/crontab /etc/crontab`,
    `mount --bind ${run} /run`,
    ...(process.execPath.startsWith(homedir()) ? [] : [`mount --bind ${home} ${homedir()}`]),
    'exec cron -f -L 15',
  ].join(' && ');
  const child = spawn('unshare', ['-m', 'sh', '-c', setup], { stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  child.stdout.on('data', (chunk) => (output += chunk));
  child.stderr.on('data', (chunk) => (output += chunk));
  return {
    output: () => output,
    async stop() {
      const gone = once(child, 'exit');
      child.kill('SIGKILL');
      await gone;
    },
  };
}

describeOnPushgateways("Debian's cron", (gateway) => {
  describe.skipIf(cron === undefined || !canMakeNamespaces())('with the crontab of the README', () => {
    // Cron begins a run each minute: two take up to two of them.
    const title = long ? 'two runs in a row succeed' : 'a run succeeds';
    test(`${title}, in the poor environment that cron gives`, async () => {
      expect(crontab).toContain('* * * * *');
      const running = startCron(crontab.replaceAll('http://localhost:9091', gateway().url));
      try {
        const success = async () =>
          (await gateway().samples('heartbeat')).batch_job_last_success_timestamp_seconds;
        const first = await waitFor('the first run', success, 90_000);
        if (long) await waitFor('the second run', async () => ((await success()) ?? 0) > first, 90_000);
        expect(await gateway().samples('heartbeat')).toMatchObject({
          batch_job_success: 1,
          batch_job_exit_code: 0,
          batch_job_metrics_rejected: 0,
        });
      } catch (error) {
        throw new Error(`cron said: ${running.output()}`, { cause: error });
      } finally {
        await running.stop();
      }
    }, 200_000);
  });
});
