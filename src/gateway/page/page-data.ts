import type { GatewayGroup } from '../../exposition/api-groups.js';
import type { Labels } from '../../exposition/family.js';
import { formatValue } from '../../exposition/write.js';
import type { Selection } from '../../status/view-jobs.js';

/** What the page is told when it is made. */
export interface PageOptions {
  readonly title: string;
  /** The gateway's address, for people; without it, the page's own. */
  readonly gateway?: string;
  /** Whether groups can only be looked at. */
  readonly readOnly: boolean;
  readonly footer: string;
  readonly selection?: Selection;
}

/** What the page reads again and again: its own address, asked for JSON. */
export interface PageData {
  /** The server's time: ages do not depend on the browser's clock. */
  readonly nowSeconds: number;
  readonly groups: readonly GatewayGroup[];
  /** The newest first. */
  readonly refusals: readonly Refusal[];
}

/** A push that the gateway did not take. */
export interface Refusal {
  readonly atSeconds: number;
  /** `job` and the grouping labels. */
  readonly labels: Labels;
  readonly status: number;
  /** The gateway's own words. */
  readonly message: string;
}

/** As JSON, with the values that it has no form for (`NaN`, infinities) as text; no name in it is of foreign making. */
export function writePageData(data: PageData): string {
  return JSON.stringify(data, (_, value: unknown) =>
    typeof value === 'number' && !Number.isFinite(value) ? formatValue(value) : value,
  );
}

export function readPageData(text: string): PageData {
  return JSON.parse(text, (key, value: unknown) =>
    key === 'value' && typeof value === 'string' ? Number(value.replace('Inf', 'Infinity')) : value,
  ) as PageData;
}
