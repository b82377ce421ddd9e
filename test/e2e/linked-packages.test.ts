import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { runCli } from '../support/cli.js';
import { project } from '../support/stack.js';

// pnpm's layout: each package is a link, and what it depends on stands beside the folder that the link names.

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'linked-'));
  const store = join(folder, 'node_modules/.store');
  for (const name of ['prom-client', 'tdigest', 'bintrees', '@opentelemetry/api']) {
    const target = join(store, 'prom-client/node_modules', name);
    mkdirSync(dirname(target), { recursive: true });
    cpSync(join(project, 'node_modules', name), target, { recursive: true });
  }
  symlinkSync(join(store, 'prom-client/node_modules/prom-client'), join(folder, 'node_modules/prom-client'));
  writeFileSync(
    join(folder, 'job.mjs'),
    `import { Counter } from 'prom-client';
export default { [Symbol.for('prombatch.job')]: true, name: 'linked', run({ registry }) { new Counter({ name: 'rows', help: 'Rows.', registers: [registry] }).inc(); } };`,
  );
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test('a job whose packages are links loads with stderr as a pipe, as under cron and systemd', async () => {
  const { code, stderr } = await runCli(['run', './job.mjs', '-g', 'none'], { cwd: folder });
  expect(stderr).toContain('linked succeeded');
  expect(code).toBe(0);
});
