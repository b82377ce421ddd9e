import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { version } from '../../src/version.js';

const project = fileURLToPath(new URL('../..', import.meta.url));
const packageJson = JSON.parse(readFileSync(`${project}package.json`, 'utf8'));

test("the version in the code is the package's", () => {
  expect(version).toBe(packageJson.version);
});

test('the README names every dependency', () => {
  const readme = readFileSync(`${project}README.md`, 'utf8');
  const names = Object.keys({ ...packageJson.dependencies, ...packageJson.devDependencies });
  expect(names.length).toBeGreaterThan(3);
  for (const name of names) expect(readme).toContain(`\`${name}\``);
});

/** The layers from the edge to the base; a file may import its own layer and those below. */
const LAYERS = [
  ['main.ts', 'process/lifecycle.ts', 'stderr.ts'],
  ['cli.ts'],
  ['commands/'],
  ['index.ts', 'testing.ts'],
  [
    'scheduler.ts',
    'scheduler-metrics.ts',
    'scheduler-pages.ts',
    'listen.ts',
    'run/',
    'run-job.ts',
    'open-targets.ts',
    'run-options.ts',
    'push-metrics.ts',
    'run-log.ts',
    'exit-code.ts',
    'progress-bar.ts',
  ],
  ['settings/', 'job/', 'delivery/', 'schedule/', 'gateway/'],
  ['exposition/'],
  ['process/host.ts', 'log.ts'],
  ['errors.ts', 'duration.ts', 'regular-file.ts', 'version.ts'],
  ['exit-codes.ts'],
];

test('imports run downwards only, and a job knows nothing of delivery nor delivery of jobs', () => {
  const files = readdirSync(`${project}src`, { recursive: true, encoding: 'utf8' }).filter((file) =>
    file.endsWith('.ts'),
  );
  const layerOf = (file: string) =>
    LAYERS.findIndex((layer) =>
      layer.some((prefix) => file === prefix || (prefix.endsWith('/') && file.startsWith(prefix))),
    );
  let imports = 0;
  for (const file of files) {
    expect(layerOf(file), `${file} has no layer`).toBeGreaterThanOrEqual(0);
    const source = readFileSync(`${project}src/${file}`, 'utf8');
    for (const [, specifier = ''] of source.matchAll(/from '(\.[^']+)'|import\('(\.[^']+)'\)/g)) {
      if (!specifier) continue;
      const target = new URL(specifier.replace(/\.js$/, '.ts'), `file:///${file}`).pathname.slice(1);
      imports++;
      if (file === 'main.ts') continue;
      expect(layerOf(target), `${file} imports ${target}`).toBeGreaterThanOrEqual(layerOf(file));
      const crossing = [file, target].map((path) => path.split('/')[0]);
      expect(crossing, `${file} imports ${target}`).not.toEqual(['job', 'delivery']);
      expect(crossing, `${file} imports ${target}`).not.toEqual(['delivery', 'job']);
    }
  }
  expect(imports).toBeGreaterThan(50);
});
