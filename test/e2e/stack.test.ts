import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { runCli } from '../support/cli.js';

const project = fileURLToPath(new URL('../..', import.meta.url));

test.skipIf(!process.getBuiltinModule)("a bug's stack names the lines of the sources", async () => {
  const bug = join(mkdtempSync(join(tmpdir(), 'stack-')), 'bug.cjs');
  writeFileSync(bug, 'URL.canParse = undefined;');
  const { code, stderr } = await runCli(['run', '--ticks', '1', '-g', '127.0.0.1:1'], {
    nodeArgs: ['-r', bug],
  });
  expect(code).toBe(70);
  const [, file = '', line] = /^ {4}at (src\/[\w/-]+\.ts):(\d+):\d+$/m.exec(stderr) ?? [];
  expect(file, stderr).toBe('src/delivery/http/gateway-address.ts');
  expect(readFileSync(project + file, 'utf8').split('\n')[Number(line) - 1]).toContain('URL.canParse');
  expect(stderr).not.toContain('dist/parts');
});
