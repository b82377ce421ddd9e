/** The metric types of the Prometheus text format 0.0.4. */
export type MetricType = 'counter' | 'gauge' | 'histogram' | 'summary' | 'untyped';

/** Label names with their values, in the order written. Pairs, because `__proto__` is a valid label name. */
export type Labels = readonly (readonly [name: string, value: string])[];

/** One line of the text format; `name` carries the suffix of a histogram's or summary's part. */
export interface Sample {
  readonly name: string;
  readonly labels: Labels;
  readonly value: number;
  /** Milliseconds since the epoch. Read so that it can be refused: the Pushgateway takes no timestamps. */
  readonly timestampMs?: number;
}

/** All samples under one metric name, with its help and type. */
export interface MetricFamily {
  readonly name: string;
  readonly help?: string;
  readonly type: MetricType;
  readonly samples: readonly Sample[];
}
