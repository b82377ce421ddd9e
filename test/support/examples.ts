import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const project = fileURLToPath(new URL('../..', import.meta.url));

/** A command that a document shows for people to copy. */
export interface Example {
  readonly from: string;
  readonly command: string;
}

/** The shell commands of a document's fenced code blocks: a line each, unless that ends with a backslash. */
export function shellExamples(document: string): Example[] {
  return fencedBlocks(document, 'sh').flatMap((block) => toExamples(document, block));
}

/** The commands of a document's crontabs. */
export function crontabExamples(document: string): Example[] {
  return fencedBlocks(document, 'crontab')
    .flatMap((block) => block.split('\n'))
    .flatMap((line) => {
      const command = /^(?:[\d*/,-]+ +){5}(.*)$/.exec(line)?.[1];
      return command === undefined ? [] : [{ from: `${document}, crontab`, command }];
    });
}

/** What stands under `Examples:` in a command's help. */
export function helpExamples(command: string, help: string): Example[] {
  const section = /^Examples:\n((?: {2}.*\n)+)/m.exec(help)?.[1] ?? '';
  return toExamples(`prombatch ${command} --help`, section);
}

/** The queries of a document, a line each; of one section, or of all others. */
export function promqlExamples(
  document: string,
  sections: { readonly only: string } | { readonly but: string },
): string[] {
  const parts = readFileSync(`${project}${document}`, 'utf8').split(/^## /m);
  const named = 'only' in sections ? sections.only : sections.but;
  const chosen = parts.filter((part) => part.startsWith(`${named}\n`) === 'only' in sections);
  if (chosen.length === 0 || !parts.some((part) => part.startsWith(`${named}\n`)))
    throw new Error(`${document} has no section "${named}"`);
  return chosen.flatMap((part) =>
    [...part.matchAll(/```promql\n(.*?)```/gs)].flatMap(([, block = '']) => block.trim().split('\n')),
  );
}

/** The text of the first block of a language that has `part` in it. */
export function fencedBlock(document: string, language: string, part: string): string {
  return fencedBlocks(document, language).find((block) => block.includes(part)) ?? '';
}

function fencedBlocks(document: string, language: string): string[] {
  const text = readFileSync(`${project}${document}`, 'utf8');
  const blocks = text.matchAll(new RegExp(`^ *\`\`\`${language}\\n([\\s\\S]*?)^ *\`\`\``, 'gm'));
  return [...blocks].map(([, block = '']) => block);
}

function toExamples(from: string, text: string): Example[] {
  return text
    .replaceAll(/ *\\\n */g, ' ')
    .split('\n')
    .map((line) => line.replace(/\s+# .*$/, '').trim())
    .filter((command) => command !== '')
    .map((command) => ({ from, command }));
}
