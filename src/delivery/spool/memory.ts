import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describeThrown } from '../../errors.js';
import { writeWhole } from '../../files/durable-file.js';
import { readRegularFile } from '../../files/regular-file.js';
import type { Log } from '../../log.js';
import { type LastTold, lastToldIn } from '../push/late-entry.js';
import type { RunEntry } from '../push/run-entry.js';

/** What this host has told a group, which outlasts the entries. The folder's lock guards it. */
export interface Memory {
  /** What was told last. */
  last(): LastTold;
  /**
   * Remembers what was pushed. A file that cannot be written is a warning: what was pushed was pushed.
   */
  remember(pushed: RunEntry): void;
}

const FORMAT = 1;

/** @param folder of the group. */
export function openMemory(folder: string, gateway: string, log: Log): Memory {
  const path = join(folder, 'told.json');

  const read = (): LastTold => {
    try {
      if (!existsSync(path)) return {};
      const text = readRegularFile(path, { follow: false });
      // A crash of the machine leaves an empty file behind.
      return text === '' ? {} : toLast(JSON.parse(text));
    } catch (error) {
      log.warn(
        `what was told last cannot be read, and is taken for nothing: ${path}: ${describeThrown(error)}`,
        { event: 'spool_unusable', target: gateway },
      );
      return {};
    }
  };

  return {
    last: read,
    remember(pushed) {
      try {
        // Of a clock that was wrong nothing stays: the newest run is the one that is told last.
        const last = { ...read(), ...lastToldIn(pushed) };
        // Not flushed: what a crash of the machine takes away, the gateway still tells.
        writeWhole(path, `${JSON.stringify({ format: FORMAT, gateway, last })}\n`);
      } catch (error) {
        log.warn(`what was told last cannot be kept: ${describeThrown(error)}`, {
          event: 'spool_unusable',
          target: gateway,
        });
      }
    },
  };
}

function toLast(value: unknown): LastTold {
  const { format, last } = object(value);
  if (format !== FORMAT) throw new Error(`expected the format ${FORMAT}, got ${JSON.stringify(format)}`);
  return Object.fromEntries(
    Object.entries(object(last)).flatMap(([name, at]) => (typeof at === 'number' ? [[name, at]] : [])),
  );
}

function object(value: unknown): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null) throw new Error(`expected an object, got ${typeof value}`);
  return value as Readonly<Record<string, unknown>>;
}
