import type { GatewayGroup } from '../exposition/api-groups.js';
import { printable } from '../status/printable.js';

/** `a, b, c and 4 more`. */
export function listed(names: readonly string[], limit = 3): string {
  const shown = names.slice(0, limit).join(', ');
  return names.length > limit ? `${shown} and ${names.length - limit} more` : shown;
}

/** The command that deletes a group. */
export function deleteCommand(target: string, { labels }: GatewayGroup): string {
  const { job = '', ...grouping } = Object.fromEntries(labels);
  const flags = Object.entries(grouping).map(([name, value]) => ` --grouping ${quoted(`${name}=${value}`)}`);
  return `prombatch delete --gateway ${target} --job ${quoted(job)}${flags.join('')}`;
}

/** A value as a shell reads it, on one line. */
export function quoted(value: string): string {
  return /^[\w./:@%+=,-]+$/.test(value) ? value : `'${printable(value).replaceAll("'", "'\\''")}'`;
}
