/**
 * What a terminal would obey or what would reorder a line: control characters, those that change the direction of writing
 * (Unicode Standard Annex 9), separators of lines and paragraphs, and lone surrogates.
 */
const UNPRINTABLE = /[\p{Cc}\p{Cs}\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069]/gu;

/** The text on one line with what cannot be shown truly written as `\u202e`. */
export function printable(text: string): string {
  return text.replace(UNPRINTABLE, (mark) => `\\u${mark.charCodeAt(0).toString(16).padStart(4, '0')}`);
}
