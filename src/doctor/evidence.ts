import type { PushError } from '../delivery/http/push-error.js';
import type { Flag } from '../delivery/remote-write/receiver/receiver.js';
import type { ReceiverBacklog } from '../delivery/remote-write/spool/receiver-spool.js';
import type { Backlog } from '../delivery/spool/backlog.js';
import type { GatewayGroup } from '../exposition/api-groups.js';

/** All that was read, for checks to judge. What was not asked for is not there; what comes next gets its own part. */
export interface Evidence {
  readonly gateway?: GatewayEvidence;
  readonly receivers?: readonly ReceiverEvidence[];
  readonly spool?: SpoolEvidence;
  readonly textfile?: TextfileEvidence;
  readonly prometheus?: PrometheusEvidence;
}

/** An answer, or why there is none. */
export type Reading = Answer | PushError;

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
  /** From the request to the last byte. */
  readonly tookSeconds: number;
  /** When it came, by this host's clock. */
  readonly atSeconds: number;
}

export interface GatewayEvidence {
  /** Where it is, for people and for `--gateway`; without credentials. */
  readonly target: string;
  /** `/api/v1/status`. */
  readonly status: Reading;
  /** If the status says that this is a Pushgateway: its version and flags. */
  readonly about?: { readonly version: string; readonly flags: Readonly<Record<string, string>> };
  /** If the status does not: what else is there. */
  readonly instead?: Instead;
  readonly metrics?: Reading;
  /** `/api/v1/metrics`. */
  readonly api?: Reading;
  /** What it holds, if that can be read. */
  readonly groups?: readonly GatewayGroup[];
  /** By the gateway's clock, or by this host's if it does not tell. */
  readonly nowSeconds: number;
}

/** What answers at an address that is not a Pushgateway's. */
export type Instead =
  | { readonly kind: 'prometheus' }
  /** A Pushgateway, at another path of the same host. */
  | { readonly kind: 'elsewhere'; readonly target: string }
  | { readonly kind: 'unknown' };

export interface ReceiverEvidence {
  /** Its name, which has its address, without credentials. */
  readonly target: string;
  /** What names it to `prombatch flush`; empty if an environment variable does. */
  readonly flags: readonly Flag[];
  /** The answer to a request without a sample, which stores nothing. */
  readonly probe: Reading;
  /** If it takes none: the address on the same host that is a receiver's. */
  readonly elsewhere?: string;
  /** What it tells of itself. */
  readonly server?: ReceiverServer;
  /** Groups of which a run ended in the last day, if it can be asked. */
  readonly recentGroups?: number;
}

export type ReceiverServer =
  | {
      readonly kind: 'prometheus';
      readonly version: string;
      /** Where its pages are. */
      readonly base: string;
      /** How late samples may come; `undefined` if the configuration cannot be read. */
      readonly windowMs?: number;
      /** `undefined` if only a size limits it. */
      readonly retentionMs?: number;
      /** The time of the newest sample that it holds in memory. */
      readonly newestMs?: number;
    }
  | {
      readonly kind: 'victoria-metrics';
      /** Of samples closer together than this, it keeps one; 0 keeps all. */
      readonly dedupMs: number;
    };

export interface SpoolEvidence {
  readonly path: string;
  readonly gateways: readonly Backlog[];
  readonly receivers?: readonly ReceiverBacklog[];
  /** Why it cannot be read. */
  readonly problem?: string;
  readonly nowSeconds: number;
}

export interface TextfileEvidence {
  readonly path: string;
  /** Why it cannot be read as a folder. */
  readonly problem?: string;
  readonly writable: boolean;
  /** Files of the text format that cannot be read, with the reason. */
  readonly damaged: readonly { readonly file: string; readonly reason: string }[];
}

export interface PrometheusEvidence {
  readonly target: string;
  readonly buildInfo: Reading;
  /** Why one of the readings below failed. */
  readonly problem?: string;
  readonly version?: string;
  /** The scrape targets that are the gateway, by whatever name Prometheus knows it. */
  readonly scrapes?: readonly Scrape[];
  /** The labels of each `push_time_seconds`. */
  readonly series?: readonly Readonly<Record<string, string>>[];
  readonly alerts?: readonly AlertRule[];
}

export interface Scrape {
  readonly url: string;
  readonly job: string;
  readonly health: string;
  readonly lastError: string;
  readonly intervalSeconds: number;
  /** `undefined` if the configuration does not tell. */
  readonly honorLabels: boolean | undefined;
}

export interface AlertRule {
  readonly name: string;
  /** What the rule could not be evaluated for. */
  readonly lastError: string;
  /** Labels of what fires. */
  readonly firing: readonly Readonly<Record<string, string>>[];
}
