import { setImmediate as nextTurn } from 'node:timers/promises';
import { monotonicMs } from '../clock.js';

/** How long work beside the job may keep the event loop, and so the job, its timers and signals. */
const SLICE_MS = 10;

/** Waits for the next turn of the event loop if the work since the last one took longer than a moment. */
export type GiveWay = () => Promise<void>;

export function createGiveWay(): GiveWay {
  let since = monotonicMs();
  return async () => {
    if (monotonicMs() - since < SLICE_MS) return;
    await nextTurn();
    since = monotonicMs();
  };
}
