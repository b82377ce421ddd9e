// Builds dist/prombatch.cjs, the command that package.json's bin names: one CommonJS file, since reading one
// file is what a short process starts fastest with. The library beside it is plain tsc output.
import { execFileSync } from 'node:child_process';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { build } from 'esbuild';

/**
 * Parts of the bundled libraries that the command never uses and that cost more to load than all the rest:
 * prom-client's cluster, default metrics and own Pushgateway client, commander's executable subcommands.
 */
const unusedParts = {
  name: 'unused-parts',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^node:child_process$/ }, ({ path, importer }) =>
      /[\\/]commander[\\/]/.test(importer) ? { path, namespace: 'unused' } : undefined,
    );
    onResolve({ filter: /\.\/(?:lib\/)?(?:cluster|pushgateway|defaultMetrics)$/ }, ({ path, importer }) =>
      /[\\/]prom-client[\\/]/.test(importer) ? { path, namespace: 'unused' } : undefined,
    );
    onLoad({ filter: /.*/, namespace: 'unused' }, () => ({ contents: 'module.exports = undefined;' }));
  },
};

rmSync('dist', { recursive: true, force: true });
const { metafile } = await build({
  entryPoints: ['src/main.ts'],
  outfile: 'dist/prombatch.cjs',
  bundle: true,
  platform: 'node',
  format: 'cjs',
  target: 'node20',
  minifySyntax: true,
  minifyWhitespace: true,
  // Loaded only with --http-config-file, and large: reading it would cost every start.
  external: ['yaml'],
  metafile: true,
  legalComments: 'none',
  plugins: [unusedParts],
});
writeFileSync('dist/LICENSES.txt', licences(metafile));
execFileSync('npx', ['tsc', '-p', 'tsconfig.build.json'], { stdio: 'inherit' });

/** The licences of what the command carries inside it. */
function licences({ inputs }) {
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
