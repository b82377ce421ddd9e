const CODES: ReadonlySet<unknown> = new Set(['MODULE_TYPELESS_PACKAGE_JSON']);
/** What Node 20 and what later ones say before an error that says the same; and that it strips types at all. */
const TEXTS = [
  /^To load an ES module,/,
  /^Failed to load the ES module:/,
  /^Type Stripping is an experimental feature/,
];

let hidden = false;

/**
 * Hides what Node's own loader warns of a module from now on: the load error has the remedy, and a module that loads
 * needs none. Every other warning is shown as before.
 */
export function hideLoaderWarnings(): void {
  if (hidden) return;
  hidden = true;
  for (const show of process.listeners('warning')) {
    process.off('warning', show);
    process.on('warning', (warning) => {
      if (!isLoaderWarning(warning)) show(warning);
    });
  }
}

function isLoaderWarning(warning: Error & { readonly code?: unknown }): boolean {
  return CODES.has(warning.code) || TEXTS.some((text) => text.test(warning.message));
}
