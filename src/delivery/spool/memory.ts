import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describeThrown } from '../../errors.js';
import { parseFamilies } from '../../exposition/parse.js';
import { writeWhole } from '../../files/durable-file.js';
import { readRegularFile } from '../../files/regular-file.js';
import type { Log } from '../../log.js';
import { type LastTold, lastToldBy } from '../push/late-entry.js';
import type { RunEntry } from '../push/run-entry.js';

/** What this host has told a group, which outlasts the entries. The folder's lock guards it. */
export interface Memory {
  /** What was told last. */
  last(): LastTold;
  /** Whether an entry was delivered by another process than that of its run. */
  wasDelivered(name: string): boolean;
  /**
   * Remembers what was pushed, and the entries that were delivered by it. A file that cannot be written is a warning:
   * what was pushed was pushed.
   */
  remember(pushed: RunEntry, delivered: readonly string[]): void;
}

interface Content {
  readonly last: LastTold;
  readonly delivered: readonly string[];
}

const FORMAT = 1;
const NOTHING: Content = { last: {}, delivered: [] };
/** No run waits longer for its lock than it may take to push. */
const KEPT_MS = 86_400_000;
const MOST_NAMES = 1000;

/** @param folder of the group. */
export function openMemory(folder: string, gateway: string, log: Log): Memory {
  const path = join(folder, 'told.json');

  const read = (): Content => {
    try {
      if (!existsSync(path)) return NOTHING;
      const text = readRegularFile(path, { follow: false });
      // A crash of the machine leaves an empty file behind.
      return text === '' ? NOTHING : toContent(JSON.parse(text));
    } catch (error) {
      log.warn(
        `what was told last cannot be read, and is taken for nothing: ${path}: ${describeThrown(error)}`,
        { event: 'spool_unusable', target: gateway },
      );
      return NOTHING;
    }
  };

  return {
    last: () => read().last,
    wasDelivered: (name) => read().delivered.includes(name),
    remember(pushed, delivered) {
      try {
        const before = read();
        const content: Content = {
          // Of a clock that was wrong nothing stays: the newest run is the one that is told last.
          last: { ...before.last, ...lastToldBy(parseFamilies(pushed.outcome)) },
          delivered: recent([...before.delivered, ...delivered]),
        };
        // Not flushed: what a crash of the machine takes away, the gateway still tells.
        writeWhole(path, `${JSON.stringify({ format: FORMAT, gateway, ...content })}\n`);
      } catch (error) {
        log.warn(`what was told last cannot be kept: ${describeThrown(error)}`, {
          event: 'spool_unusable',
          target: gateway,
        });
      }
    },
  };
}

/** The newest of those that a run may still ask for; names begin with when they were made, in microseconds. */
function recent(names: readonly string[]): readonly string[] {
  const now = Date.now();
  const kept = names.filter((name) => Math.abs(now - Number(name.slice(0, 16)) / 1000) < KEPT_MS);
  return kept.slice(-MOST_NAMES);
}

function toContent(value: unknown): Content {
  const { format, last, delivered } = object(value);
  if (format !== FORMAT) throw new Error(`expected the format ${FORMAT}, got ${JSON.stringify(format)}`);
  return {
    last: Object.fromEntries(
      Object.entries(object(last)).flatMap(([name, at]) => (typeof at === 'number' ? [[name, at]] : [])),
    ),
    delivered: Array.isArray(delivered) ? delivered.filter((name) => typeof name === 'string') : [],
  };
}

function object(value: unknown): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null) throw new Error(`expected an object, got ${typeof value}`);
  return value as Readonly<Record<string, unknown>>;
}
