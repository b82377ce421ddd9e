/** Something that keeps a job from being seen, or will. */
export interface Finding {
  /** A word that stays the same, for programs. */
  readonly check: string;
  /** What was found, in one sentence that names the cause. */
  readonly what: string;
  /** Why it matters. */
  readonly why: string;
  /** What to do; a command can be typed as it is. */
  readonly fix: string;
}
