/** The name of `names` that `name` was probably meant to be: `timeoutMs` for `timeout`, `--timeout` or `timoutMs`. */
export function findSimilar(name: string, names: readonly string[]): string | undefined {
  const given = core(name);
  const ranked = names
    .map((candidate) => ({ candidate, distance: editDistance(given, core(candidate)) }))
    .sort((a, b) => a.distance - b.distance);
  const best = ranked[0];
  return best && best.distance <= Math.min(2, given.length / 3) ? best.candidate : undefined;
}

/** A name without its unit and without what makes a flag of it: `--no-start-push` is `startpush`. */
function core(name: string): string {
  return name
    .replace(/^-*(?:no(?=[-A-Z]))?/, '')
    .replace(/[-_]/g, '')
    .toLowerCase()
    .replace(/ms$/, '');
}

/** How many characters have to be added, left out or changed (Levenshtein). */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (const [index, character] of [...a].entries()) {
    const next = [index + 1];
    for (let column = 1; column <= b.length; column++) {
      const changed = (row[column - 1] ?? 0) + (character === b[column - 1] ? 0 : 1);
      next.push(Math.min(changed, (row[column] ?? 0) + 1, (next[column - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
