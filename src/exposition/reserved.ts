import type { Labels } from './family.js';

/** Names that the Pushgateway gives every group itself; pushed ones are overwritten without a word (1.5.1). */
export const GATEWAY_FAMILIES: readonly string[] = ['push_time_seconds', 'push_failure_time_seconds'];

/**
 * Whether a label is the empty `instance` that the Pushgateway gives the samples of a group without one. To Prometheus
 * an empty label is none.
 */
export function isEmptyInstance([name, value]: Labels[number]): boolean {
  return name === 'instance' && value === '';
}

/** What a job's own metrics must not use. */
export interface Reserved {
  /** Families that are pushed beside them. */
  readonly families: readonly string[];
  /** The group's labels with their values, `job` among them. */
  readonly labels: ReadonlyMap<string, string>;
}

/** Why a family must not be a job's own, or `undefined`. */
export function whyFamilyReserved(name: string, { families }: Reserved): string | undefined {
  if (families.includes(name)) return `metric "${name}" is one of those that prombatch itself pushes`;
  return GATEWAY_FAMILIES.includes(name) ? `metric "${name}" is one that the gateway sets itself` : undefined;
}

/** Why a sample of a family must not have these labels, or `undefined`. */
export function whyLabelReserved(name: string, own: Labels, { labels }: Reserved): string | undefined {
  const clash = own.find(([label]) => labels.has(label));
  if (!clash) return undefined;
  const [label, value] = clash;
  return (
    `metric "${name}" has the label ${label}=${JSON.stringify(value)}, and the group has ` +
    `${label}=${JSON.stringify(labels.get(label))}: the gateway would overwrite the metric's label`
  );
}
