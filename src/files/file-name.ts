/** A text as a name that any file system takes: percent escapes, and a hash in place of what is too long. */
export function fileName(text: string): string {
  const encoded = encodeURIComponent(text).replaceAll('*', '%2A').replace(/^\./, '%2E');
  if (encoded.length <= 200) return encoded;
  let hash = 0xcbf29ce484222325n;
  for (const byte of Buffer.from(text)) hash = BigInt.asUintN(64, (hash ^ BigInt(byte)) * 0x100000001b3n);
  return `${encoded.slice(0, 150).replace(/%.?$/, '')}~${hash.toString(16)}`;
}

/** The text of a name, for people; a name that is none of ours is returned as it is. */
export function readName(name: string): string {
  try {
    return decodeURIComponent(name);
  } catch {
    return name;
  }
}
