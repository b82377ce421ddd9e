import type { Labels } from '../exposition/family.js';
import { labelsKey, type StoredFamily } from './metric.js';

/** What is known of a family name over all groups: its type and, by label set, the group that holds it. */
export interface IndexEntry {
  readonly type: string;
  readonly holders: ReadonlyMap<string, string>;
}

/** The group that is to change, beside all others. */
export interface GroupAmongOthers {
  readonly key: string;
  readonly index: ReadonlyMap<string, IndexEntry>;
  /** What the group holds now. */
  readonly held: ReadonlyMap<string, StoredFamily> | undefined;
}

type Families = ReadonlyMap<string, StoredFamily>;

/** What is wrong with a group's next families beside all other groups, or `undefined`. */
export function findInconsistency(group: GroupAmongOthers, next: Families): string | undefined {
  for (const family of next.values()) {
    const problem = findTypeConflict(group, family) ?? findBadLabels(family) ?? findDouble(group, family);
    if (problem) return problem;
  }
  return findCollision(group, next);
}

function findTypeConflict({ index, held }: GroupAmongOthers, family: StoredFamily): string | undefined {
  const known = index.get(family.name);
  const own = held?.get(family.name)?.metrics.length ?? 0;
  if (!known || known.type === family.type || known.holders.size <= own) return undefined;
  const labels = showLabels(family.metrics[0]?.labels ?? []);
  return `collected metric "${family.name}" ${labels} is not a ${known.type.toUpperCase()}`;
}

function findBadLabels({ name, type, metrics }: StoredFamily): string | undefined {
  for (const { labels } of metrics) {
    const bad = labels.find(([label]) => label.startsWith('__'));
    if (bad) return `collected metric "${name}" has a label with an invalid name: ${bad[0]}`;
    const part = labels.find(([label]) => label === partLabel(type));
    if (part) return `collected metric "${name}" of type ${type} has the label ${part[0]}`;
  }
  return undefined;
}

function findDouble({ key, index }: GroupAmongOthers, family: StoredFamily): string | undefined {
  const holders = index.get(family.name)?.holders;
  const seen = new Set<string>();
  for (const { labels } of family.metrics) {
    const set = labelsKey(labels);
    const holder = holders?.get(set);
    if (seen.has(set) || (holder !== undefined && holder !== key)) {
      return `collected metric "${family.name}" ${showLabels(labels)} was collected before with the same name and label values`;
    }
    seen.add(set);
  }
  return undefined;
}

function findCollision(group: GroupAmongOthers, next: Families): string | undefined {
  for (const { name, type } of next.values()) {
    const part = partSuffixes(type).find((suffix) => exists(group, next, name + suffix));
    if (part) {
      return `collected ${type} named "${name}" collides with previously collected metric named "${name}${part}"`;
    }
    const suffix = /_(?:count|sum|bucket)$/.exec(name)?.[0];
    const whole = suffix && name.slice(0, -suffix.length);
    const wholeType = whole && typeOf(group, next, whole);
    if (wholeType && partSuffixes(wholeType).includes(suffix)) {
      return `collected metric named "${name}" collides with previously collected ${wholeType} named "${whole}"`;
    }
  }
  return undefined;
}

function exists({ key, index }: GroupAmongOthers, next: Families, name: string): boolean {
  if (next.has(name)) return true;
  const known = index.get(name);
  return known !== undefined && [...known.holders.values()].some((holder) => holder !== key);
}

function typeOf(group: GroupAmongOthers, next: Families, name: string): string | undefined {
  return exists(group, next, name) ? (next.get(name)?.type ?? group.index.get(name)?.type) : undefined;
}

/** The label that tells a metric's own parts apart, and that it therefore must not have besides. */
function partLabel(type: string): string | undefined {
  if (type === 'histogram') return 'le';
  return type === 'summary' ? 'quantile' : undefined;
}

function partSuffixes(type: string): readonly string[] {
  if (type === 'histogram') return ['_count', '_sum', '_bucket'];
  return type === 'summary' ? ['_count', '_sum'] : [];
}

function showLabels(labels: Labels): string {
  return `{${labels.map(([name, value]) => `${name}=${JSON.stringify(value)}`).join(',')}}`;
}
