import { setTimeout as wait, setImmediate as yieldOnce } from 'node:timers/promises';
import { Counter, Gauge, Histogram, type Registry, Summary } from 'prom-client';
import { JobFailed } from '../outcome/outcome.js';
import { defineJob, type Job } from './job.js';

export interface SampleJobOptions {
  readonly ticks: number;
  /** Between two ticks, in milliseconds. */
  readonly intervalMs: number;
  /** The same seed gives the same metric values; without one they are random. */
  readonly seed?: number;
  /** The job fails after so many ticks. */
  readonly failAfter?: number;
}

export const SAMPLE_JOB_NAME = 'prom_sample_batch';

const STATUS_CODES = [200, 201, 400, 403, 404, 500] as const;
const WAVE_PEAK = 10;

/**
 * The tutorial's application as a batch job: so many ticks of its loop, on its five metrics. Where the counter
 * of earlier runs is known, the wave goes on from there.
 */
export function createSampleJob(options: SampleJobOptions): Job {
  const { ticks, intervalMs, failAfter } = options;
  const pause = async (signal: AbortSignal): Promise<void> => {
    if (intervalMs > 0) return wait(intervalMs, undefined, { signal });
    // A listener for each tick would take as long as the tick.
    await yieldOnce();
    signal.throwIfAborted();
  };
  return defineJob({
    name: SAMPLE_JOB_NAME,
    async run({ registry, signal, progress, previous }) {
      const metrics = createSampleMetrics(registry);
      const tick = createTick(metrics, createRandom(options.seed));
      const counted = previous?.value('prom_sample_counter') ?? 0;
      // A count that is held as NaN begins anew, and the wave with it.
      const begin = Number.isFinite(counted) ? counted : 0;
      metrics.gauge.set(waveAt(begin));
      progress(0, ticks);
      const last = Math.min(ticks, failAfter ?? ticks);
      for (let done = 1; done <= last; done++) {
        if (done > 1) await pause(signal);
        tick(begin + done);
        progress(done, ticks);
      }
      if (failAfter !== undefined && failAfter <= ticks)
        throw new JobFailed(`failed on purpose after ${last} ticks (--fail-after)`);
      return { recordsProcessed: last };
    },
  });
}

export type SampleMetrics = ReturnType<typeof createSampleMetrics>;

/** The tutorial's five metrics, with its names, helps and buckets. */
export function createSampleMetrics(registry: Registry) {
  const registers = [registry];
  return {
    counter: new Counter({ name: 'prom_sample_counter', help: 'prom_sample_counter_help', registers }),
    gauge: new Gauge({ name: 'prom_sample_gauge', help: 'prom_sample_gauge_help', registers }),
    labeledGauge: new Gauge({
      name: 'prom_sample_labeled_gauge',
      help: 'prom_sample_labeled_gauge_help',
      labelNames: ['id'],
      registers,
    }),
    histogram: new Histogram({
      name: 'prom_sample_histogram',
      help: 'prom_sample_histogram_help',
      labelNames: ['status_code'],
      buckets: [20, 40, 60, 80, 100],
      registers,
    }),
    summary: new Summary({
      name: 'prom_sample_summary',
      help: 'prom_sample_summary_help',
      labelNames: ['status_code'],
      registers,
    }),
  };
}

/** What the tutorial's loop does once: `position` counts the ticks from 1. */
export function createTick(metrics: SampleMetrics, random: () => number): (position: number) => void {
  return (position) => {
    const level = waveAt(position);
    metrics.counter.inc();
    metrics.gauge.set(level);
    metrics.labeledGauge.set({ id: '2' }, level * 2);
    metrics.labeledGauge.set({ id: '3' }, level * 3);

    const status_code = STATUS_CODES[Math.floor(random() * STATUS_CODES.length)] ?? STATUS_CODES[0];
    const simulatedMs = Math.floor(random() * 100);
    metrics.histogram.observe({ status_code }, simulatedMs);
    metrics.summary.observe({ status_code }, simulatedMs);
  };
}

/** The gauge after `position` ticks: 0 at the start, then 1, 2 … 10, 9 … 0, 1 …, with a period of 20. */
export function waveAt(position: number): number {
  const phase = position % (2 * WAVE_PEAK);
  return phase <= WAVE_PEAK ? phase : 2 * WAVE_PEAK - phase;
}

/** Numbers in [0, 1): the mulberry32 generator for a seed, else `Math.random`. */
export function createRandom(seed: number | undefined): () => number {
  if (seed === undefined) return Math.random;
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
