import { gzipSync } from 'node:zlib';

/** At the fastest level: a metrics text is repetitive, and more effort gains little. */
export function gzip(bytes: Uint8Array): Uint8Array {
  return gzipSync(bytes, { level: 1 });
}
