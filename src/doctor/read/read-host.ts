import { accessSync, constants, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { readReceiverBacklog } from '../../delivery/remote-write/spool/receiver-spool.js';
import { readBacklog } from '../../delivery/spool/backlog.js';
import { describeThrown } from '../../errors.js';
import { parseFamilies } from '../../exposition/parse.js';
import { readRegularFile } from '../../files/regular-file.js';
import type { SpoolEvidence, TextfileEvidence } from '../evidence.js';

export function readSpool(path: string): SpoolEvidence {
  const nowSeconds = Date.now() / 1000;
  try {
    return { path, gateways: readBacklog(path), receivers: readReceiverBacklog(path), nowSeconds };
  } catch (error) {
    return { path, gateways: [], problem: describeThrown(error), nowSeconds };
  }
}

export function readTextfiles(path: string): TextfileEvidence {
  try {
    const files = readdirSync(path)
      .filter((name) => name.endsWith('.prom'))
      .map((name) => join(path, name));
    return { path, writable: isWritable(path), damaged: files.flatMap(damageOf) };
  } catch (error) {
    return { path, problem: describeThrown(error), writable: false, damaged: [] };
  }
}

function isWritable(path: string): boolean {
  try {
    accessSync(path, constants.W_OK | constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function damageOf(file: string): TextfileEvidence['damaged'] {
  try {
    parseFamilies(readRegularFile(file));
    return [];
  } catch (error) {
    return [{ file, reason: describeThrown(error) }];
  }
}
