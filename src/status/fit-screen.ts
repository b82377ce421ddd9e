import { textWidth } from './text-width.js';

/** A colour's begin or end: it takes no place. */
const SGR = /\p{Cc}\[\d+m/gu;

/** The first lines of a text, as many as a screen shows at once; the last says how many there are beyond them. */
export function fitScreen(text: string, rows: number, columns: number): string {
  const lines = text.replace(/\n$/, '').split('\n');
  const heights = lines.map((line) => Math.max(1, Math.ceil(textWidth(line.replace(SGR, '')) / columns)));
  // The cursor stands on a line of its own below them.
  const room = rows - 1;
  if (heights.reduce((sum, height) => sum + height, 0) <= room) return text;
  let used = 1;
  const shown = lines.filter((_, index) => {
    used += heights[index] ?? 1;
    return used <= room;
  });
  return [...shown, `… and ${lines.length - shown.length} more lines\n`].join('\n');
}
