// Makes `src/gateway/page/script.generated.ts` from the script of the page of jobs, which runs in a browser.
import { writeFileSync } from 'node:fs';
import { build } from 'esbuild';

const { outputFiles } = await build({
  entryPoints: ['src/gateway/page/browser/script.ts'],
  bundle: true,
  format: 'iife',
  target: 'es2022',
  minifySyntax: true,
  minifyWhitespace: true,
  write: false,
});
const [script] = outputFiles;
if (!script) throw new Error('expected the script of the page, got none');
writeFileSync(
  'src/gateway/page/script.generated.ts',
  `/** The script of the page, made from browser/ by scripts/page-script.mjs. */\nexport const SCRIPT = ${JSON.stringify(script.text)};\n`,
);
