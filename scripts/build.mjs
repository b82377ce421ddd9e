// Builds dist/prombatch.cjs, the command that package.json's bin names: a CommonJS file with all that every run
// needs, since reading one file is what a short process starts fastest with. The library beside it is plain tsc output.
import { execFileSync } from 'node:child_process';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { build } from 'esbuild';

/**
 * Parts of the bundled libraries that the command never uses and that cost more to load than all the rest:
 * prom-client's cluster and own Pushgateway client, commander's executable subcommands. prom-client's default metrics
 * are loaded when they are asked for.
 */
const unusedParts = {
  name: 'unused-parts',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^node:child_process$/ }, ({ path, importer }) =>
      /[\\/]commander[\\/]/.test(importer) ? { path, namespace: 'unused' } : undefined,
    );
    onResolve({ filter: /\.\/(?:lib\/)?(?:cluster|pushgateway)$/ }, ({ path, importer }) =>
      /[\\/]prom-client[\\/]/.test(importer) ? { path, namespace: 'unused' } : undefined,
    );
    onResolve({ filter: /\.\/lib\/defaultMetrics$/ }, ({ path, importer, resolveDir, namespace }) =>
      namespace !== 'lazy' && /[\\/]prom-client[\\/]/.test(importer)
        ? { path, namespace: 'lazy', pluginData: resolveDir }
        : undefined,
    );
    onLoad({ filter: /.*/, namespace: 'lazy' }, ({ path, pluginData: resolveDir }) => ({
      contents: `module.exports = (...given) => require('${path}')(...given);`,
      resolveDir,
    }));
    onLoad({ filter: /.*/, namespace: 'unused' }, () => ({ contents: 'module.exports = undefined;' }));
  },
};

/** Libraries that only some runs need: each is a file of its own, since reading it would cost every start. */
const LOADED_WHERE_USED = ['prom-client', 'croner', 'node-cron'];

/**
 * A dynamic import of something outside the bundle starts Node's loader of ES modules, which costs a third of a
 * start (Node 20); `require` does not.
 */
const required = {
  name: 'required',
  setup({ onResolve, onLoad }) {
    onResolve(
      { filter: new RegExp(`^(?:${[...LOADED_WHERE_USED, 'yaml'].join('|')})$`) },
      ({ path, namespace }) =>
        namespace === 'required' ? { path, external: true } : { path, namespace: 'required' },
    );
    onResolve({ filter: /^\./, namespace: 'required' }, ({ path }) => ({ path, external: true }));
    onLoad({ filter: /.*/, namespace: 'required' }, ({ path }) => ({
      contents: `module.exports = require('${LOADED_WHERE_USED.includes(path) ? `./${path}.cjs` : path}');`,
    }));
  },
};

rmSync('dist', { recursive: true, force: true });
const bundles = await Promise.all([
  bundle('prombatch', { entryPoints: ['src/main.ts'], plugins: [unusedParts, required] }),
  ...LOADED_WHERE_USED.map((name) =>
    bundle(name, {
      // By `require`, so that a library with a form for each gives its CommonJS one.
      stdin: { contents: `module.exports = require('${name}');`, resolveDir: '.' },
      minifyIdentifiers: true,
      plugins: [unusedParts],
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
