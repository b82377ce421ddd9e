// Builds the command that package.json's bin names. What is read decides how fast a short process starts, so each command
// is a file: dist/prombatch.cjs picks one of dist/parts. The library beside them is plain tsc output.
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { build } from 'esbuild';

const COMMANDS = readdirSync('src/commands').flatMap((file) => /^(.+)\.ts$/.exec(file)?.[1] ?? []);

/** What only some runs need is a file of its own. By `require`, a library with a form for each gives its CommonJS one. */
const LOADED_WHERE_USED = {
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
  'embedded-gateway': `
    export * from './src/gateway/gateway.js';
    export * from './src/gateway/describe.js';`,
};

/** The file of `dist/parts` that a module is in, if that is not the command's own. */
function fileOf(path) {
  const name = /\/gateway\/(?:gateway|describe)\.js$/.test(path) ? 'embedded-gateway' : path;
  return name in LOADED_WHERE_USED ? `./${name}.cjs` : undefined;
}

/**
 * A dynamic import of something outside the bundle starts Node's loader of ES modules, which costs a third of a
 * start (Node 20); `require` does not.
 */
const required = {
  name: 'required',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /.*/ }, ({ path, namespace }) => {
      if (namespace === 'required') return { path, external: true };
      const file = path === 'yaml' ? path : fileOf(path);
      return file && { path: file, namespace: 'required' };
    });
    onLoad({ filter: /.*/, namespace: 'required' }, ({ path }) => ({
      contents: `module.exports = require('${path}');`,
    }));
  },
};

/** Leaves all commands but one out. */
const only = (command) => ({
  name: 'only',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^\.\.\/commands\/[^/]+\.js$/ }, ({ path }) =>
      path === `../commands/${command}.js` ? undefined : { path, namespace: 'other-command' },
    );
    onLoad({ filter: /.*/, namespace: 'other-command' }, () => ({ contents: 'module.exports = {};' }));
  },
});

/** The file of the command that is called or asked about; `help` has the rest. */
const pickCommand = {
  name: 'pick-command',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^\.\/cli\/process\.js$/ }, ({ path }) => ({ path, namespace: 'pick-command' }));
    onLoad({ filter: /.*/, namespace: 'pick-command' }, () => ({
      contents: `
        const [, , first, second] = process.argv;
        const name = first === 'help' ? second : first;
        const part = './parts/' + (${JSON.stringify(COMMANDS)}.includes(name) ? name : 'help') + '.cjs';
        module.exports = require(part);`,
    }));
  },
};

rmSync('dist', { recursive: true, force: true });
const bundles = await Promise.all([
  bundle('prombatch', { entryPoints: ['src/main.ts'], plugins: [pickCommand] }),
  ...[...COMMANDS, 'help'].map((command) =>
    bundle(`parts/${command}`, { entryPoints: ['src/cli/process.ts'], plugins: [only(command), required] }),
  ),
  ...Object.entries(LOADED_WHERE_USED).map(([name, contents]) =>
    bundle(`parts/${name}`, {
      stdin: { contents, resolveDir: '.' },
      minifyIdentifiers: true,
      external: ['./default-metrics.cjs'],
    }),
  ),
]);
writeFileSync(
  'dist/LICENSES.txt',
  licences(Object.assign({}, ...bundles.map(({ metafile }) => metafile?.inputs))),
);
execFileSync('npx', ['tsc', '-p', 'tsconfig.build.json'], { stdio: 'inherit' });

function bundle(name, options) {
  return build({
    outfile: `dist/${name}.cjs`,
    bundle: true,
    platform: 'node',
    format: 'cjs',
    target: 'node20',
    minifySyntax: true,
    minifyWhitespace: true,
    metafile: true,
    legalComments: 'none',
    ...options,
  });
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
