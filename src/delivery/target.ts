import type { MetricFamily } from '../exposition/family.js';
import type { Deadline } from './deadline.js';
import type { PushError } from './http/push-error.js';

/** The job's own metrics in the text format. */
export interface JobMetrics {
  /** '' if there are none, or if they could not be collected. */
  readonly text: string;
  /** Why they cannot be pushed; the text is then only kept. */
  readonly problem?: PushError;
}

/** What became of a run's metrics at a target; `none` is a run without targets. */
export type DeliveryReport =
  | { readonly status: 'none' }
  | { readonly status: 'delivered' }
  /**
   * `outcome_only`: the outcome was stored, the job's own metrics were not. `incomplete`: all was stored but families of the
   * outcome that others push as another type.
   */
  | {
      readonly status: 'outcome_only' | 'incomplete';
      readonly error: PushError;
      /** Whether the job's own metrics wait in the spool. */
      readonly spooled?: boolean;
    }
  /** Nothing was stored; `refused` is why the job's own metrics were refused, if that came first. */
  | {
      readonly status: 'failed';
      readonly error: PushError;
      readonly refused?: PushError;
      /** Whether the run waits in the spool. */
      readonly spooled?: boolean;
      /** Whether the run is kept where what was refused is. */
      readonly setAside?: boolean;
      /** Nothing was tried, since what the group holds could not be read now. */
      readonly unread?: boolean;
    };

/** The report of a push that was tried. */
export type SendReport = Exclude<DeliveryReport, { readonly status: 'none' }>;

/** What a run that has ended tells its targets. */
export interface EndedRun {
  /** The outcome's families, with what they say of the job's own metrics. */
  readonly outcome: (metricsRejected: boolean) => readonly MetricFamily[];
  /** The same without what a job's own labels could spoil, for a push without the job's own metrics. */
  readonly loneOutcome: (metricsRejected: boolean) => readonly MetricFamily[];
  readonly startedAtMs: number;
  readonly completedAtMs: number;
  readonly succeeded: boolean;
  readonly jobMetrics: JobMetrics;
}

export interface EndLimits {
  readonly deadline: Deadline;
  /** To be told of the report as soon as it is known: nothing that breaks later can change it. */
  readonly settle: (report: DeliveryReport) => void;
}

/**
 * Where the metrics of a run go: a gateway, a textfile. A target may throw from any of its methods: `createDelivery`
 * keeps that from the run and from the other targets.
 */
export interface Target {
  /** Its address, without credentials. */
  readonly name: string;
  /** What is done with metrics there, for people. Default: pushed. */
  readonly verb?: string;
  /** What names it to `prombatch flush`, if that is not the gateway's own flag. */
  readonly flushFlags?: readonly (readonly [flag: string, value: string])[];
  /**
   * Awaited before the job, so it must be bounded. Resolves with what the target holds of the job, for counts to go
   * on from, or `undefined` if it was not asked for or cannot be read.
   */
  prepare(stop: AbortSignal): Promise<readonly MetricFamily[] | undefined>;
  /** The run has begun: one try beside the running job. */
  start(families: readonly MetricFamily[]): void;
  /** The job's own metrics while it runs: one try, skipped while another is under way. */
  update(families: readonly MetricFamily[]): void;
  /** The run has ended. If it is called again for the same run, it tries the outcome alone. */
  end(run: EndedRun, limits: EndLimits): Promise<DeliveryReport>;
  /** The process ends now: keeps the outcome on the disk if the target can, without waiting for anything. */
  abandon(run: EndedRun): DeliveryReport;
  close(): void;
}
