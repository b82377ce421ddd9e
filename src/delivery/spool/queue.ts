import type { RunEntry } from '../push/run-entry.js';
import type { GroupFolder, SpooledEntry } from './group-folder.js';

/** What waits in a folder, in order. The folder is listed again when all that was listed is dealt with. */
export interface Queue {
  /** The entry that goes next, read when it is first asked for; lists the folder if nothing listed is left. */
  first(): RunEntry | undefined;
  /** The same without listing: what is listed while entries are being sent would be these again. */
  next(): SpooledEntry | undefined;
  /** Takes the next one out. */
  take(): void;
  /** Whether one entry is left of what was listed, and it is such a one. */
  isOnly(isSuch: (name: string) => boolean): boolean;
  /** Begins again with what is in the folder. */
  restart(): void;
}

export function openQueue(folder: GroupFolder): Queue {
  let names: readonly string[] = [];
  let at = 0;
  let current: SpooledEntry | undefined;

  const next = (): SpooledEntry | undefined => {
    while (!current && at < names.length) {
      current = folder.read(names[at] ?? '');
      // Damaged, left, or gone.
      if (!current) at++;
    }
    return current;
  };
  const restart = (): void => {
    names = [];
    at = 0;
    current = undefined;
  };
  return {
    next,
    restart,
    first() {
      if (!next()) {
        restart();
        names = folder.names();
      }
      return next()?.entry;
    },
    take() {
      current = undefined;
      at++;
    },
    isOnly: (isSuch) => names.length - at === 1 && isSuch(names[at] ?? ''),
  };
}
