import { readFileSync } from 'node:fs';
import { dirname, extname, join } from 'node:path';

/** What Node says of an ES module that it reads as CommonJS. */
const ES_SYNTAX =
  /Cannot use import statement|Unexpected token 'export'|Cannot use 'import\.meta'|await is only valid/;

/** What to do about a module at `path` that does not load, named `specifier` by its user. */
export function loadHint(specifier: string, path: string, error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  // Of CommonJS, the stack begins with the file that could not be read, which the module may only have loaded.
  const file = /^(\/[^\n]+):\d+\n/.exec(error.stack ?? '')?.[1] ?? path;
  const shown = file === path ? specifier : file;
  return (
    typescriptHint(extname(file), error) ??
    (error instanceof SyntaxError ? syntaxHint(shown, file, error) : undefined)
  );
}

function typescriptHint(extension: string, error: Error): string | undefined {
  if (!/^\.[cm]?tsx?$/.test(extension)) return undefined;
  const code = 'code' in error ? error.code : undefined;
  if (code === 'ERR_UNSUPPORTED_TYPESCRIPT_SYNTAX')
    return 'compile TypeScript first: Node removes types, and nothing that has a meaning when it runs';
  if (code !== 'ERR_UNKNOWN_FILE_EXTENSION') return undefined;
  return extension === '.tsx'
    ? 'compile it first: Node does not read it'
    : 'compile TypeScript first, or use Node 22.18 or newer';
}

function syntaxHint(shown: string, file: string, { message }: SyntaxError): string | undefined {
  const extension = extname(file);
  const asModule = { '.js': '.mjs', '.ts': '.mts' }[extension];
  if (asModule !== undefined && ES_SYNTAX.test(message)) {
    const { type, path } = nearestPackage(file);
    const renamed = `${shown.slice(0, -extension.length)}${asModule}`;
    if (type !== 'module')
      return `Node reads ${shown} as CommonJS: rename it to ${renamed}, or set "type": "module" in ${path}`;
  }
  return /^\.[cm]?js$/.test(extension) ? `node --check ${shown} shows the place` : undefined;
}

/** The type that the nearest package.json gives its modules, as Node looks for it. */
function nearestPackage(file: string): { readonly type: unknown; readonly path: string } {
  for (let folder = dirname(file); ; folder = dirname(folder)) {
    const path = join(folder, 'package.json');
    try {
      const { type }: { type?: unknown } = JSON.parse(readFileSync(path, 'utf8'));
      return { type, path };
    } catch {
      if (folder === dirname(folder)) return { type: undefined, path: 'a package.json' };
    }
  }
}
