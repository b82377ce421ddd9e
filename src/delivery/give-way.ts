import { setImmediate as nextTurn } from 'node:timers/promises';

/** How long work beside the job may keep the event loop, and so the job, its timers and signals. */
const SLICE_MS = 10;

/** Waits for the next turn of the event loop if the work since the last one took longer than a moment. */
export type GiveWay = () => Promise<void>;

export function createGiveWay(): GiveWay {
  let since = performance.now();
  return async () => {
    if (performance.now() - since < SLICE_MS) return;
    await nextTurn();
    since = performance.now();
  };
}
