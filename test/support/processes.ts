import { randomUUID } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';

/** An environment by which all processes that get it can be found, however they are related. */
export function createMark(): { readonly env: Record<string, string>; readonly running: () => string[] } {
  const value = randomUUID();
  return {
    env: { PROMBATCH_TEST_MARK: value },
    running: () =>
      readdirSync('/proc')
        .filter((name) => /^\d+$/.test(name) && hasMark(name, value))
        .map((id) => `${id} ${commandLine(id)}`),
  };
}

function hasMark(id: string, value: string): boolean {
  try {
    return readFileSync(`/proc/${id}/environ`, 'latin1').includes(`PROMBATCH_TEST_MARK=${value}`);
  } catch {
    return false;
  }
}

function commandLine(id: string): string {
  try {
    return readFileSync(`/proc/${id}/cmdline`, 'latin1').replaceAll('\0', ' ').trim();
  } catch {
    return '';
  }
}
