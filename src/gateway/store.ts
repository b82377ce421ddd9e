import type { Labels, MetricFamily } from '../exposition/family.js';
import { findInconsistency, type IndexEntry } from './consistency.js';
import { labelsKey, type StoredFamily, sortLabels, storeFamily } from './metric.js';

/** A group: what was pushed under one set of grouping labels. */
export interface Group {
  /** `job` and the grouping labels. */
  readonly labels: Labels;
  /** By name, the push times among them. */
  readonly families: ReadonlyMap<string, TimedFamily>;
}

export interface TimedFamily extends StoredFamily {
  /** When it was pushed, in milliseconds since the epoch. */
  readonly pushedAtMs: number;
}

export interface Push {
  readonly labels: Labels;
  readonly families: readonly MetricFamily[];
  /** Whether the families replace the whole group (PUT), or only those of the same names (POST). */
  readonly replace: boolean;
}

/** Why a push was refused; the text is the answer's. */
export class PushRefused extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.name = 'PushRefused';
    this.status = status;
  }
}

/** The groups of a gateway, in memory. No clock, no I/O. */
export interface Store {
  /**
   * Stores a push whole or not at all; a refused one leaves its group with the time of the failure.
   *
   * @throws PushRefused when it is inconsistent in itself or with other groups; FamilyError, without a trace,
   * when a family makes no sense.
   */
  push(push: Push, nowMs: number): void;
  delete(labels: Labels): void;
  wipe(): void;
  groups(): readonly Group[];
}

export const PUSH_TIME = 'push_time_seconds';
export const PUSH_FAILURE_TIME = 'push_failure_time_seconds';

const INCONSISTENT = 'pushed metrics are invalid or inconsistent with existing metrics: ';

/**
 * A store that keeps the Pushgateway's rules: one type a family over all groups, each label set once, no name
 * that collides with a part of a histogram or summary. An index by family makes a check cost as much as the
 * group is large, however many groups there are.
 */
export function createStore(limits: { readonly groups: number }): Store {
  const groups = new Map<string, Group>();
  /** For each family name its type and, by label set, the group that holds it. */
  const index = new Map<string, IndexEntry & { holders: Map<string, string> }>();

  const unlist = (family: StoredFamily): void => {
    const entry = index.get(family.name);
    for (const { labels } of family.metrics) entry?.holders.delete(labelsKey(labels));
    if (entry?.holders.size === 0) index.delete(family.name);
  };
  const list = (key: string, family: StoredFamily): void => {
    const entry = index.get(family.name) ?? { type: family.type, holders: new Map<string, string>() };
    index.set(family.name, entry);
    for (const { labels } of family.metrics) entry.holders.set(labelsKey(labels), key);
  };

  /** The group's families after a change, listed; those that went are unlisted. */
  const replaceFamilies = (key: string, labels: Labels, next: ReadonlyMap<string, TimedFamily>): void => {
    for (const family of groups.get(key)?.families.values() ?? []) unlist(family);
    for (const family of next.values()) list(key, family);
    groups.set(key, { labels, families: next });
  };

  const remove = (key: string): void => {
    for (const family of groups.get(key)?.families.values() ?? []) unlist(family);
    groups.delete(key);
  };

  return {
    push({ labels, families, replace }, nowMs) {
      const key = labelsKey(sortLabels(labels));
      const before = groups.get(key);
      const twin = withInstanceTurned(labels);
      refuseTwin(twin !== undefined && groups.has(labelsKey(sortLabels(twin))));
      if (!before && groups.size >= limits.groups) {
        throw new PushRefused(422, `this gateway holds at most ${limits.groups} groups; delete some first`);
      }
      const fail = (problem: string): never => {
        const failed = pushTimes(labels, { success: pushTimeOf(before), failure: nowMs }, nowMs);
        replaceFamilies(key, labels, new Map([...(before?.families ?? []), ...failed]));
        throw new PushRefused(400, INCONSISTENT + problem);
      };
      const pushed = families.map((family) => timed(storeFamily(family, labels), nowMs));
      if (families.some(({ samples }) => samples.some(({ timestampMs }) => timestampMs !== undefined))) {
        fail('pushed metrics must not have timestamps');
      }
      const kept = replace ? [] : (before?.families ?? []);
      const times = pushTimes(labels, { success: nowMs, failure: failureTimeOf(before) }, nowMs);
      const next = new Map([...kept, ...pushed, ...times]);
      const problem = findInconsistency({ key, index, held: before?.families }, next);
      if (problem) fail(problem);
      replaceFamilies(key, labels, next);
    },
    delete: (labels) => remove(labelsKey(sortLabels(labels))),
    wipe() {
      groups.clear();
      index.clear();
    },
    groups: () => [...groups.values()],
  };
}

/**
 * A deliberate difference: the Pushgateway 1.5.1 stores the failure time of a push to a group that differs from
 * another by an empty `instance` only. Its `/metrics` then has two equal series, answers 500, and every later
 * push of any job fails. Here such a push leaves no trace.
 */
function refuseTwin(exists: boolean): void {
  if (!exists) return;
  throw new PushRefused(
    400,
    `${INCONSISTENT}a group that differs by an empty label "instance" only exists, and that is the same as no label`,
  );
}

/** The labels of the group that only an empty `instance` tells apart from this one; a real instance has none. */
function withInstanceTurned(labels: Labels): Labels | undefined {
  const instance = labels.find(([name]) => name === 'instance');
  if (!instance) return [...labels, ['instance', '']];
  return instance[1] === '' ? labels.filter((label) => label !== instance) : undefined;
}

function timed(family: StoredFamily, pushedAtMs: number): [string, TimedFamily] {
  return [family.name, { ...family, pushedAtMs }];
}

/** The gateway's own two families of a group. */
function pushTimes(
  labels: Labels,
  times: { success: number; failure: number },
  nowMs: number,
): [string, TimedFamily][] {
  const family = (name: string, change: string, ms: number): [string, TimedFamily] =>
    timed(
      storeFamily(
        {
          name,
          help: `Last Unix time when changing this group in the Pushgateway ${change}.`,
          type: 'gauge',
          samples: [{ name, labels: [], value: ms / 1000 }],
        },
        labels,
      ),
      nowMs,
    );
  return [family(PUSH_TIME, 'succeeded', times.success), family(PUSH_FAILURE_TIME, 'failed', times.failure)];
}

export function pushTimeOf(group: Group | undefined): number {
  return readTime(group, PUSH_TIME);
}

export function failureTimeOf(group: Group | undefined): number {
  return readTime(group, PUSH_FAILURE_TIME);
}

/** In milliseconds since the epoch; 0 is never. */
function readTime(group: Group | undefined, name: string): number {
  const value = group?.families.get(name)?.metrics[0]?.value;
  return value?.kind === 'single' ? value.value * 1000 : 0;
}
