/** Anything that collects metrics into the text format: a Registry of prom-client or of its successor. */
export interface MetricsSource {
  metrics(): string | Promise<string>;
}
