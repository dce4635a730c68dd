import { formatBytes } from "../util/duration.ts";

/** A result as the model reads it. */
export interface TextForModel {
  readonly text: string;
  /** Whether it is less than the whole. */
  readonly isCut: boolean;
  /** Of the whole, as UTF-8. */
  readonly sizeBytes: number;
}

/**
 * A tool's text for the model: the whole if it has at most `maxBytes` as UTF-8, else its size and its beginning, at most
 * `maxBytes` in all. No character is cut in two. A limit that is smaller than the sentence about the size gives the sentence alone.
 *
 * @param maxBytes null is no limit
 * @param isBeginning the whole is longer than `maxBytes`, and nobody knows how long
 */
export function textForModel(tool: string, whole: string, maxBytes: number | null, isBeginning = false): TextForModel {
  const sizeBytes = Buffer.byteLength(whole);
  if (maxBytes === null || (sizeBytes <= maxBytes && !isBeginning)) return { text: whole, isCut: false, sizeBytes };
  const size = isBeginning ? `more than ${formatBytes(maxBytes)}` : formatBytes(sizeBytes);
  const sentence = (shown: number): string => `${tool} returned ${size}; the first ${formatBytes(shown)} follow. `;
  let room = maxBytes - Buffer.byteLength(sentence(maxBytes));
  for (;;) {
    const preview = beginningOf(whole, Math.max(0, room));
    const text = sentence(Buffer.byteLength(preview)) + preview;
    const excess = Buffer.byteLength(text) - maxBytes;
    if (excess <= 0 || preview === "") return { text, isCut: true, sizeBytes };
    room -= excess; // less can be longer to say: "999 B", "1 kB"
  }
}

/** The longest beginning that has at most so many bytes and ends with a whole character. */
function beginningOf(text: string, maxBytes: number): string {
  // A UTF-16 unit has one to three bytes: what is past `maxBytes` units cannot fit, so the rest is never encoded.
  const bytes = Buffer.from(text.slice(0, maxBytes));
  let end = Math.min(maxBytes, bytes.length);
  // A byte of the form 10xxxxxx continues a character that began before it.
  while (end > 0 && end < bytes.length && ((bytes[end] ?? 0) & 0xc0) === 0x80) end--;
  const beginning = bytes.toString("utf8", 0, end);
  return text.startsWith(beginning) ? beginning : beginning.slice(0, -1);
}
