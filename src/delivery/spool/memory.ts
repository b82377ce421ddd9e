import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describeThrown } from '../../errors.js';
import { parseFamilies } from '../../exposition/parse.js';
import { writeWhole } from '../../files/durable-file.js';
import { makeFolder } from '../../files/make-folder.js';
import { readRegularFile } from '../../files/regular-file.js';
import type { Log } from '../../log.js';
import { type LastTold, lastToldBy } from '../push/late-entry.js';
import type { RunEntry } from '../push/run-entry.js';

/** What became of an entry that is no longer there: it was delivered, or a later run had been told of. */
export type Fate = 'delivered' | 'late';

/** What this host has told a group, which outlasts the entries. The folder's lock guards it. */
export interface Memory {
  /** What was told last. */
  last(): LastTold;
  /** What became of an entry that another process may ask for; `undefined` if nobody dealt with it. */
  fateOf(name: string): Fate | undefined;
  /**
   * Remembers what was pushed, and what became of these entries. A file that cannot be written is a warning: what was
   * pushed was pushed. The caller flushes the folder.
   */
  remember(pushed: RunEntry | undefined, fates: Readonly<Record<string, Fate>>): void;
}

interface Content {
  readonly last: LastTold;
  readonly fates: Readonly<Record<string, Fate>>;
}

const FORMAT = 1;
const NOTHING: Content = { last: {}, fates: {} };
/** No run waits longer for its lock than it may take to push. */
const KEPT_MS = 86_400_000;
const MOST_FATES = 1000;

/** @param folder of the group. */
export function openMemory(folder: string, gateway: string, log: Log): Memory {
  const path = join(folder, 'told.json');

  const read = (): Content => {
    try {
      if (!existsSync(path)) return NOTHING;
      return toContent(JSON.parse(readRegularFile(path, { follow: false })));
    } catch (error) {
      log.warn(
        `what was told last cannot be read, and is taken for nothing: ${path}: ${describeThrown(error)}`,
      );
      return NOTHING;
    }
  };

  return {
    last: () => read().last,
    fateOf: (name) => read().fates[name],
    remember(pushed, fates) {
      try {
        const before = read();
        const told = pushed ? lastToldBy(parseFamilies(pushed.outcome)) : {};
        const content: Content = {
          last: { ...before.last, ...told },
          fates: recent({ ...before.fates, ...fates }),
        };
        makeFolder(folder);
        writeWhole(path, `${JSON.stringify({ format: FORMAT, gateway, ...content })}\n`);
      } catch (error) {
        log.warn(`what was told last cannot be kept: ${describeThrown(error)}`);
      }
    },
  };
}

/** The newest of those that a run may still ask for; names begin with when they were made, in microseconds. */
function recent(fates: Content['fates']): Content['fates'] {
  const now = Date.now();
  const kept = Object.entries(fates).filter(
    ([name]) => Math.abs(now - Number(name.slice(0, 16)) / 1000) < KEPT_MS,
  );
  return Object.fromEntries(kept.slice(-MOST_FATES));
}

function toContent(value: unknown): Content {
  const { format, last, fates } = object(value);
  if (format !== FORMAT) throw new Error(`expected the format ${FORMAT}, got ${JSON.stringify(format)}`);
  return {
    last: Object.fromEntries(
      Object.entries(object(last)).flatMap(([name, at]) => (typeof at === 'number' ? [[name, at]] : [])),
    ),
    fates: Object.fromEntries(
      Object.entries(object(fates)).flatMap(([name, fate]) =>
        fate === 'delivered' || fate === 'late' ? [[name, fate]] : [],
      ),
    ),
  };
}

function object(value: unknown): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null) throw new Error(`expected an object, got ${typeof value}`);
  return value as Readonly<Record<string, unknown>>;
}
