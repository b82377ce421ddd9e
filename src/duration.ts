const MS_PER_UNIT = {
  y: 365 * 86_400_000,
  w: 7 * 86_400_000,
  d: 86_400_000,
  h: 3_600_000,
  m: 60_000,
  s: 1000,
  ms: 1,
} as const;

const FORM = /^(?:(\d+)y)?(?:(\d+)w)?(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?(?:(\d+)ms)?$/;

/** The longest time a Node timer can wait; a longer one would fire at once. */
export const LONGEST_TIMER_MS = 2 ** 31 - 1;

/**
 * Milliseconds of a duration as Prometheus' configuration writes it (`1d`, `1h30m`, `500ms`; a bare `0`),
 * or `undefined` where the text is none. Units go from the largest to the smallest, each at most once.
 */
export function parseDuration(text: string): number | undefined {
  if (text === '0') return 0;
  const match = FORM.exec(text);
  if (!match || text === '') return undefined;
  let ms = 0;
  Object.values(MS_PER_UNIT).forEach((unit, index) => {
    ms += Number(match[index + 1] ?? 0) * unit;
  });
  return Number.isSafeInteger(ms) ? ms : undefined;
}

/** A time span for people: `350ms`, `1.3s`, `15s`, `2m5s`, `1h`. */
export function formatDuration(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)}ms`;
  if (ms < 60_000) return `${Number((ms / 1000).toFixed(1))}s`;
  let rest = Math.round(ms / 1000) * 1000;
  let text = '';
  for (const unit of ['d', 'h', 'm', 's'] as const) {
    const count = Math.floor(rest / MS_PER_UNIT[unit]);
    if (count > 0) text += `${count}${unit}`;
    rest -= count * MS_PER_UNIT[unit];
  }
  return text;
}
