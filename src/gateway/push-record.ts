import type { Labels } from '../exposition/family.js';
import type { Refusal } from './page/page-data.js';

/** A push or deletion that the gateway has answered. */
export type PushEvent = { readonly labels: Labels } & (
  | { readonly method: 'POST' | 'PUT'; readonly status: 200; readonly families: number }
  | { readonly method: 'DELETE'; readonly status: 202 }
  /** Refused, in the gateway's words. */
  | {
      readonly method: 'POST' | 'PUT';
      readonly status: number;
      readonly message: string;
      readonly atSeconds: number;
    }
);

/** What became of pushes: each is told, and the last refused ones are kept for the page. */
export interface PushRecord {
  add(event: PushEvent): void;
  /** The newest first. */
  refusals(): readonly Refusal[];
}

const KEPT = 50;
const LONGEST_MESSAGE = 1000;

export function createPushRecord(onPush: (event: PushEvent) => void = () => {}): PushRecord {
  let refusals: readonly Refusal[] = [];
  return {
    add(event) {
      onPush(event);
      if (!('message' in event)) return;
      const { labels, status, atSeconds } = event;
      const message = event.message.slice(0, LONGEST_MESSAGE);
      refusals = [{ labels, status, message, atSeconds }, ...refusals].slice(0, KEPT);
    },
    refusals: () => refusals,
  };
}
