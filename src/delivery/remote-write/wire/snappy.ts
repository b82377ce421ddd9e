import { writeVarint } from './write-request.js';

/** What one literal holds here: its length then takes at most two bytes. */
const LITERAL_BYTES = 65_536;
/** Up to here a literal's length stands in its tag. */
const SHORT_BYTES = 60;

/**
 * The bytes in Snappy's block format (google/snappy, `format_description.txt`), as literals alone: remote write asks for
 * the format, and a run has too little to send for a search for repetitions to be worth its time.
 */
export function encodeSnappy(bytes: Uint8Array): Uint8Array {
  const literals = Math.ceil(bytes.length / LITERAL_BYTES);
  const encoded = Buffer.allocUnsafe(8 + bytes.length + 3 * literals);
  let end = writeVarint(encoded, 0, bytes.length);
  for (let at = 0; at < bytes.length; at += LITERAL_BYTES) {
    const literal = bytes.subarray(at, at + LITERAL_BYTES);
    end = writeLiteralTag(encoded, end, literal.length - 1);
    encoded.set(literal, end);
    end += literal.length;
  }
  return encoded.subarray(0, end);
}

/** The shortest tag, as the format's own encoder writes it; `length` is one less than the literal has. */
function writeLiteralTag(encoded: Buffer, at: number, length: number): number {
  if (length < SHORT_BYTES) {
    encoded[at] = length << 2;
    return at + 1;
  }
  const bytes = length < 256 ? 1 : 2;
  encoded[at] = (SHORT_BYTES - 1 + bytes) << 2;
  return encoded.writeUIntLE(length, at + 1, bytes);
}
