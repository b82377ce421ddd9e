import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const project = fileURLToPath(new URL('../..', import.meta.url));

/** Builds the command with one place of the source changed, to see that a test would notice. */
export async function buildVariant(file: string, from: string, to: string, outfile: string): Promise<string> {
  const source = readFileSync(`${project}src/${file}`, 'utf8');
  if (source.split(from).length !== 2) throw new Error(`${file} does not have once: ${from}`);
  await build({
    entryPoints: [`${project}src/main.ts`],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'cjs',
    logLevel: 'silent',
    plugins: [
      {
        name: 'variant',
        setup({ onLoad }) {
          onLoad({ filter: new RegExp(`src/${file.replaceAll('.', '\\.')}$`) }, () => ({
            contents: source.replace(from, () => to),
            loader: 'ts',
          }));
        },
      },
    ],
  });
  return outfile;
}
