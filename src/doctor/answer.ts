import { readDate } from '../delivery/client/gateway-requests.js';
import type { Reading } from './evidence.js';

/** Beyond what a slow answer and a Date in whole seconds can make of equal clocks. */
const CLOCK_SECONDS = 5;

/** By how much a server's clock is ahead of this host's, in seconds; 0 if they agree as far as an answer tells. */
export function clockDifference(reading: Reading): number {
  if (!('headers' in reading)) return 0;
  const theirs = readDate(reading.headers);
  if (theirs === undefined) return 0;
  // Its second began up to a second before, and the answer was on its way.
  const ahead = theirs - reading.atSeconds;
  const off = ahead > 0 ? ahead : Math.min(0, ahead + 1 + reading.tookSeconds);
  return Math.abs(off) <= CLOCK_SECONDS ? 0 : off;
}

/** Whether what came is a page for people, which no receiver has for those who write. */
export function isPage(reading: Reading): boolean {
  return 'headers' in reading && String(reading.headers['content-type'] ?? '').includes('html');
}
