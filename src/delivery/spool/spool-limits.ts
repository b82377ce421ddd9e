/** How much may wait in a spool; beyond either, the oldest entries go. */
export interface SpoolLimits {
  readonly entries: number;
  readonly bytes: number;
}

export const DEFAULT_SPOOL_LIMITS: SpoolLimits = { entries: 1000, bytes: 64 * 1024 * 1024 };
