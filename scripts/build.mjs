// Builds the command that package.json's bin names. What is read decides how fast a short process starts, so each command
// is a file: dist/prombatch.cjs picks one of dist/parts. The library beside them is plain tsc output.
import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, resolve } from 'node:path';
import { build, transform } from 'esbuild';

const ENTRY = 'src/main.ts';
const COMMANDS = readdirSync('src/commands').flatMap((file) => /^(.+)\.ts$/.exec(file)?.[1] ?? []);

/** What only some runs need is a file of its own. By `require`, a library with a form for each gives its CommonJS one. */
const LIBRARIES = {
  commander: `module.exports = require('commander');`,
  croner: `module.exports = require('croner');`,
  'node-cron': `module.exports = require('node-cron');`,
  // What jobs use of it. The rest is two thirds of what it takes to load.
  'prom-client': `
    exports.Counter = require('prom-client/lib/counter');
    exports.Gauge = require('prom-client/lib/gauge');
    exports.Histogram = require('prom-client/lib/histogram');
    exports.Summary = require('prom-client/lib/summary');
    exports.Registry = require('prom-client/lib/registry');
    exports.collectDefaultMetrics = (options) => require('./default-metrics.cjs')(options);`,
  'default-metrics': `module.exports = require('prom-client/lib/defaultMetrics');`,
};
const EDGE = 'src/cli/process.ts';

rmSync('dist', { recursive: true, force: true });
mkdirSync('dist/parts', { recursive: true });
const bundles = await Promise.all([
  build({
    ...common(),
    entryPoints: [ENTRY],
    outfile: 'dist/prombatch.cjs',
    format: 'cjs',
    plugins: [pickCommand()],
  }),
  ...[...COMMANDS, 'help'].map(buildCommand),
  ...Object.entries(LIBRARIES).map(([name, contents]) =>
    build({
      ...common(),
      stdin: { contents, resolveDir: '.' },
      outfile: `dist/parts/${name}.cjs`,
      format: 'cjs',
      minifyIdentifiers: true,
      external: ['./default-metrics.cjs'],
      plugins: [withoutSubprocesses()],
    }),
  ),
]);
writeFileSync(
  'dist/LICENSES.txt',
  licences(Object.assign({}, ...bundles.map(({ metafile }) => metafile?.inputs))),
);
execFileSync('npx', ['tsc', '-p', 'tsconfig.build.json'], { stdio: 'inherit' });

function common() {
  return /** @type {const} */ ({
    bundle: true,
    platform: 'node',
    target: 'node20',
    minifySyntax: true,
    minifyWhitespace: true,
    metafile: true,
    legalComments: 'none',
  });
}

/** commander's commands in files of their own, which prombatch has none of: they load all that starts a process. */
function withoutSubprocesses() {
  return plugin('without-subprocesses', ({ onResolve, onLoad }) => {
    onResolve({ filter: /^node:child_process$/ }, ({ path, importer }) =>
      /[\\/]commander[\\/]/.test(importer) ? { path, namespace: 'none' } : undefined,
    );
    onLoad({ filter: /.*/, namespace: 'none' }, () => ({ contents: 'module.exports = {};' }));
  });
}

/** The file of the command that is called or asked about; `help` has the rest. */
function pickCommand() {
  const contents = `
    const [, , first, second] = process.argv;
    const name = first === 'help' ? second : first;
    const part = './parts/' + (${JSON.stringify(COMMANDS)}.includes(name) ? name : 'help') + '.cjs';
    module.exports = require(part);`;
  return plugin('pick-command', ({ onResolve, onLoad }) => {
    onResolve({ filter: /^\.\/cli\/process\.js$/ }, ({ path }) => ({ path, namespace: 'pick-command' }));
    onLoad({ filter: /.*/, namespace: 'pick-command' }, () => ({ contents }));
  });
}

/**
 * A command: `dist/parts/<command>.cjs` with all that it imports statically, and a file for each module that it loads
 * late. esbuild splits ES modules only, so its chunks are made CommonJS afterwards: Node's loader of ES modules alone
 * takes a third of a start.
 */
async function buildCommand(command) {
  const result = await build({
    ...common(),
    entryPoints: { [`${command}-entry`]: EDGE },
    outdir: 'dist/parts',
    outExtension: { '.js': '.cjs' },
    chunkNames: `${command}-[name]-[hash]`,
    format: 'esm',
    splitting: true,
    write: false,
    // Line by line, so that the map stays true where paths are replaced below.
    minifyWhitespace: false,
    sourcemap: 'inline',
    sourcesContent: false,
    plugins: [oneFile(command)],
  });
  const main = Object.entries(result.metafile.outputs).find(([, { inputs }]) => EDGE in inputs)?.[0] ?? '';
  for (const { path, text } of result.outputFiles) {
    const name = basename(path);
    // The entry only hands on what its main chunk exports.
    if (name.startsWith(`${command}-entry`) && name !== basename(main)) continue;
    if (name.endsWith('.map')) continue;
    const file = name === basename(main) ? `${command}.cjs` : name;
    const { code, map } = await toCommonJs(text.replaceAll(basename(main), `${command}.cjs`));
    writeFileSync(`dist/parts/${file}`, code);
    writeFileSync(`dist/parts/${file}.map`, map);
  }
  return result;
}

/** Keeps one command, and what it imports statically in one file: each module that is loaded late imports that, too. */
function oneFile(command) {
  return plugin('one-file', ({ onResolve, onLoad }) => {
    const library = new RegExp(`^(?:${Object.keys(LIBRARIES).join('|')})$`);
    onResolve({ filter: library }, ({ path }) => ({ path: `./${path}.cjs`, external: true }));
    onResolve({ filter: /^yaml$/ }, () => ({ external: true }));
    onResolve({ filter: /^\./ }, async ({ path, kind, resolveDir, pluginData }) => {
      if (kind !== 'dynamic-import' || pluginData === 'resolved') return undefined;
      return { path: resolve(resolveDir, path.replace(/\.js$/, '.ts')), namespace: 'late' };
    });
    onLoad({ filter: /.*/, namespace: 'late' }, ({ path }) => ({
      contents: `export * from ${JSON.stringify(path)}; import ${JSON.stringify(resolve(EDGE))};`,
      resolveDir: '.',
    }));
    onLoad({ filter: /[\\/]cli[\\/]commands\.ts$/ }, ({ path }) => {
      const table = readFileSync(path, 'utf8').replace(
        /await import\('\.\.\/commands\/([^']+)\.js'\)/g,
        (_, name) => (name === command ? 'called' : '({})'),
      );
      const called = command === 'help' ? '' : `import * as called from '../commands/${command}.js';\n`;
      return { contents: called + table.replace(/\(\(\{\}\)\)\.\w+/g, '(undefined as never)'), loader: 'ts' };
    });
  });
}

/**
 * A dynamic import by a fixed name becomes a `require`; one by a computed name is a job's module and stays. Names are
 * short, since a start takes 36 µs for each KB that it reads (Node 24); `errors.ts` puts the sources into stacks.
 */
async function toCommonJs(text) {
  const fixed = text.replace(/\bimport\(("[^"]+")\)/g, 'Promise.resolve().then(()=>require($1))');
  return transform(fixed, {
    format: 'cjs',
    target: 'node20',
    minifyWhitespace: true,
    minifyIdentifiers: true,
    sourcemap: 'external',
    sourcesContent: false,
  });
}

/** @returns {import('esbuild').Plugin} */
function plugin(name, setup) {
  return { name, setup };
}

/** The licences of what the command carries inside it. */
function licences(inputs) {
  const packages = new Set(
    Object.keys(inputs).flatMap((path) => /node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(path)?.[1] ?? []),
  );
  return [...packages]
    .sort()
    .map((name) => {
      const { version, license } = JSON.parse(readFileSync(`node_modules/${name}/package.json`, 'utf8'));
      return `${name} ${version} (${license})\n\n${licenceText(name)}\n`;
    })
    .join(`\n${'-'.repeat(80)}\n\n`);
}

function licenceText(name) {
  for (const file of ['LICENSE', 'LICENSE.md', 'LICENSE.txt', 'LICENCE', 'license']) {
    try {
      return readFileSync(`node_modules/${name}/${file}`, 'utf8').trim();
    } catch {}
  }
  return '(the package carries no licence file)';
}
