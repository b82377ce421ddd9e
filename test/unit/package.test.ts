import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { version } from '../../src/version.js';
import { layerOf, layersTable } from '../support/layers.js';

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

const sources = readdirSync(`${project}src`, { recursive: true, encoding: 'utf8' }).filter((file) =>
  file.endsWith('.ts'),
);

/** Every import of a file below `src/` by another, dynamic ones too. */
const imports = sources.flatMap((file) => {
  const source = readFileSync(`${project}src/${file}`, 'utf8');
  return [...source.matchAll(/from '(\.[^']+)'|import\('(\.[^']+)'\)/g)].map(([, fixed, dynamic]) => {
    const specifier = (fixed ?? dynamic ?? '').replace(/\.js$/, '.ts');
    return { file, target: new URL(specifier, `file:///${file}`).pathname.slice(1) };
  });
});

test('imports run downwards only', () => {
  expect(imports.length).toBeGreaterThan(200);
  for (const file of sources) expect(layerOf(file), `${file} has no layer`).toBeGreaterThanOrEqual(0);
  const upwards = imports.filter(({ file, target }) => layerOf(target) < layerOf(file));
  expect(upwards).toEqual([]);
});

test('jobs know nothing of delivery, and delivery knows nothing of jobs', () => {
  const rooms = imports.map(({ file, target }) =>
    [file, target].map((path) => path.split('/')[0]).join(' > '),
  );
  expect(rooms).toContain('run > job');
  expect(rooms).not.toContain('job > delivery');
  expect(rooms).not.toContain('delivery > job');
});

test('no import leads back to where it came from', () => {
  const below = new Map<string, string[]>();
  for (const { file, target } of imports) below.set(file, [...(below.get(file) ?? []), target]);
  const done = new Set<string>();
  const visit = (file: string, path: readonly string[]): void => {
    expect(path, `${[...path, file].join(' > ')}`).not.toContain(file);
    if (done.has(file)) return;
    for (const target of below.get(file) ?? []) visit(target, [...path, file]);
    done.add(file);
  };
  for (const file of sources) visit(file, []);
});

test('folders stay small enough to be looked through', () => {
  const folderOf = (file: string) => file.split('/').slice(0, -1).join('/');
  for (const folder of new Set(sources.map(folderOf))) {
    const files = sources.filter((file) => folderOf(file) === folder);
    expect(files.length, `src/${folder}`).toBeLessThanOrEqual(folder === '' ? 12 : 13);
  }
});

test('the map in CONTRIBUTING is that of the layers', () => {
  expect(readFileSync(`${project}CONTRIBUTING.md`, 'utf8')).toContain(layersTable());
});
