import { mkdirSync, mkdtempSync, renameSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { runCli } from '../support/cli.js';

/** A job without an import, which is an ES module all the same. */
const SOURCE = `export default { [Symbol.for('prombatch.job')]: true, name: 'job', run() {} };\n`;
const TYPED = `const nothing: unknown = undefined;\n${SOURCE}`;
/** Node 22.18 and later remove types. */
const readsTypes = 'typescript' in process.features && process.features.typescript === 'strip';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'formats-'));
  const packages = { commonjs: { type: 'commonjs' }, module: { type: 'module' }, untyped: {} };
  for (const [name, content] of Object.entries(packages)) {
    mkdirSync(join(folder, name));
    writeFileSync(join(folder, name, 'package.json'), JSON.stringify(content));
  }
});

const run = (file: string) => runCli(['run', file, '-g', 'none'], { cwd: folder });

async function runSource(file: string, source: string) {
  writeFileSync(join(folder, file), source);
  return run(file);
}

describe('an ES module in a package of CommonJS is told the remedy, and the remedy works', () => {
  test.each([
    ['export.js', SOURCE],
    ['import.js', `import 'node:fs';\n${SOURCE}`],
    ['await.js', `await null;\n${SOURCE}`],
    ['meta.js', `import.meta.url;\n${SOURCE}`],
  ])('%s', async (name, source) => {
    const file = `./commonjs/${name}`;
    const { code, stderr } = await runSource(file, source);
    expect(code).toBe(2);
    const renamed = file.replace('.js', '.mjs');
    const place = join(folder, 'commonjs/package.json');
    const [message, hint, ...rest] = stderr.trimEnd().split('\n');
    expect(message).toContain(`module: ${file} does not load: `);
    expect(hint).toBe(
      `  hint: Node reads ${file} as CommonJS: rename it to ${renamed}, or set "type": "module" in ${place}`,
    );
    expect(rest).toEqual([]);
    renameSync(join(folder, file), join(folder, renamed));
    expect((await run(renamed)).code).toBe(0);
    expect((await runSource(`./module/${name}`, source)).code).toBe(0);
  });

  test('a file that the module loads is named where that is the one', async () => {
    writeFileSync(join(folder, 'commonjs/part.js'), SOURCE);
    const { code, stderr } = await runSource('./commonjs/whole.js', `require('./part.js');\n`);
    expect(code).toBe(2);
    expect(stderr).toContain(`rename it to ${join(folder, 'commonjs/part.mjs')}`);
  });
});

test('a module of a package without a type loads, and Node says nothing of it', async () => {
  expect(await runSource('./untyped/job.js', SOURCE)).toMatchObject({ code: 0, stdout: '' });
  const { stderr } = await run('./untyped/job.js');
  expect(stderr).toMatch(/^prombatch: job succeeded in \d+ms\n$/);
});

test("a warning of the module's own is shown", async () => {
  const { code, stderr } = await runSource('./untyped/warns.js', `process.emitWarning('mind');\n${SOURCE}`);
  expect(code).toBe(0);
  expect(stderr).toContain('Warning: mind');
});

describe('TypeScript', () => {
  if (readsTypes) {
    test('in a package of CommonJS is told the remedy, and the remedy works', async () => {
      const { code, stderr } = await runSource('./commonjs/job.ts', TYPED);
      expect(code).toBe(2);
      expect(stderr).toContain('rename it to ./commonjs/job.mts, or set "type": "module"');
      expect(stderr).not.toContain('Warning');
      for (const file of ['./commonjs/job.mts', './module/job.ts', './untyped/job.ts']) {
        const loaded = await runSource(file, TYPED);
        expect(loaded.stderr).toMatch(/^prombatch: job succeeded in \d+ms\n$/);
        expect(loaded.code).toBe(0);
      }
    });

    test('that has to be compiled is told so', async () => {
      const { code, stderr } = await runSource('./module/enum.ts', `enum Size { S }\n${TYPED}`);
      expect(code).toBe(2);
      expect(stderr).toContain('hint: compile TypeScript first: Node removes types');
    });
  } else {
    test('is told to be compiled, or which Node reads it', async () => {
      const { code, stderr } = await runSource('./module/job.ts', TYPED);
      expect(code).toBe(2);
      expect(stderr).toContain('hint: compile TypeScript first, or use Node 22.18 or newer');
    });
  }
});
