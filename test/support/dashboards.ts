import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

export interface Panel {
  readonly id: number;
  readonly type: string;
  readonly title: string;
  readonly description?: string;
  readonly datasource?: unknown;
  readonly fieldConfig?: {
    readonly defaults: {
      readonly unit?: string;
      readonly mappings?: readonly unknown[];
      readonly color?: { readonly mode: string };
      readonly thresholds?: { readonly steps: readonly unknown[] };
    };
  };
  readonly links?: readonly { readonly url?: string }[];
  readonly options?: unknown;
  readonly maxDataPoints?: number;
  readonly targets?: readonly {
    readonly expr: string;
    readonly refId: string;
    readonly instant?: boolean;
    readonly interval?: string;
  }[];
  readonly panels?: readonly Panel[];
}

/** A Grafana dashboard, as far as the tests look at it. */
export interface Dashboard {
  readonly schemaVersion: number;
  readonly panels: readonly Panel[];
  readonly templating: { readonly list: readonly { readonly name: string; readonly query?: string }[] };
}

export function dashboards(): Record<'sample' | 'batch-jobs' | 'batch-history', Dashboard> {
  const read = (name: string): Dashboard =>
    JSON.parse(
      readFileSync(
        fileURLToPath(new URL(`../../deploy/grafana/dashboards/${name}.json`, import.meta.url)),
        'utf8',
      ),
    ) as Dashboard;
  return { sample: read('sample'), 'batch-jobs': read('batch-jobs'), 'batch-history': read('batch-history') };
}

/** The panels, without the rows that only part them. */
export const panelsOf = ({ panels }: Dashboard): Panel[] =>
  panels.flatMap((panel) => (panel.type === 'row' ? [...(panel.panels ?? [])] : [panel]));
