import { gzip } from 'node:zlib';

/** At the fastest level: a metrics text is repetitive, and more effort gains little. */
export function compress(bytes: Uint8Array): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    gzip(bytes, { level: 1 }, (error, packed) => (error ? reject(error) : resolve(packed)));
  });
}
