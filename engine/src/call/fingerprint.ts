import { hash } from "node:crypto";
import { canonicalJson } from "./canonical-json.ts";
import { comparable } from "./comparable.ts";
import { withoutStop } from "./error-info.ts";
import { heed } from "./heed.ts";
import { encodedText, NOT_PLAIN, type OwnText, ownText, TOO_LARGE } from "./own-text.ts";
import { type Encoded, encodeValue, MAX_DEPTH, PART_SIZE, TooLargeError, UnencodableError } from "./values.ts";

/** Past about a megabyte an input or a result is not compared: to encode and hash it would block the event loop. */
const MAX_COMPARED_SIZE = 1_000_000;
/** A hash costs as much as the rest of a small call's bookkeeping. */
const MIN_HASHED_CHARACTERS = 40;
/** A run remembers up to 10,000 of them, so that they are not to be large. */
const MIN_HASHED_INPUT = 256;

/**
 * `sha256` of the canonical JSON (RFC 8785) of tool name and encoded input, base64url. Key order does not matter.
 *
 * @param key stands before it, so that who reads a fingerprint cannot guess a short input
 */
export function fingerprint(tool: string, input: Encoded, key = ""): string {
  return textHash(`${key}[${canonicalJson(tool)},${canonicalJson(input)}]`);
}

/**
 * A fingerprint that stays in this process. What is short is its own: to hash it takes longer than to admit its call.
 *
 * @param text of the input, as {@link readInput} gives it
 */
export function ownFingerprint(tool: string, text: string): string {
  const whole = `${tool.length} ${tool}${text}`;
  return text.length < MIN_HASHED_INPUT ? whole : textHash(whole);
}

/** What another process has encoded: whether it is larger than is compared, or deeper than can be. No more of it is looked at. */
export function isTooLarge(input: Encoded): boolean {
  return sizeLeftAfter(input, MAX_COMPARED_SIZE, 0) < 0;
}

function sizeLeftAfter(value: Encoded, sizeLeft: number, depth: number): number {
  let left = sizeLeft - PART_SIZE;
  if (typeof value === "string") return left - value.length;
  if (typeof value !== "object" || value === null) return left;
  // The tag of a value is a level more.
  if (depth > MAX_DEPTH) return -1;
  if (Array.isArray(value)) {
    // A list of its indices would take longer than all the rest.
    for (let index = 0; index < value.length && left >= 0; index += 1)
      left = sizeLeftAfter(value[index] as Encoded, left, depth + 1);
    return left;
  }
  const fields = value as Readonly<Record<string, Encoded>>;
  for (const key in fields) {
    if (left < 0) break;
    left = sizeLeftAfter(fields[key] as Encoded, left - key.length, depth + 1);
  }
  return left;
}

/** An input as it is compared and named; neither where it has no lossless form. */
export interface ReadInput extends Partial<OwnText> {
  /** What is plain is the input itself, not a copy: a getter of it may still throw. */
  readonly encoded?: Encoded;
  /** What has no encoding, or is too large for one. */
  readonly given?: unknown;
  /** Why it cannot even be read. */
  readonly unreadable?: string;
}

/**
 * An input encoded; undefined where it cannot be, or is too large to look at: then it is never compared. No input is the same as null. `unreadable` says why nothing can be
 * known of it: a getter or a proxy of its own throws.
 */
export function readInput(input: unknown): ReadInput {
  try {
    const plain = ownText(input ?? null, MAX_COMPARED_SIZE);
    if (plain === TOO_LARGE) return { given: input };
    if (plain !== NOT_PLAIN) return { encoded: (input ?? null) as Encoded, text: plain.text, names: plain.names };
    const encoded = encodeValue(input ?? null, "input", MAX_COMPARED_SIZE);
    return { encoded, text: encodedText(encoded).text };
  } catch (error) {
    return isUnencodable(error) ? { given: input } : { unreadable: `it cannot be read: ${withoutStop(error)}` };
  }
}

/**
 * A digest of a result, for comparing results with each other. Null where neither structured clone nor `toJSON` gives plain data of it, it cannot be
 * read, or it is too large to look at. Promises in it are nobody's from then on (`heed`). Never throws.
 */
export function digestOf(result: unknown): string | null {
  let isHeeded = false;
  try {
    const plain = ownText(result ?? null, MAX_COMPARED_SIZE);
    if (typeof plain === "symbol") {
      isHeeded = true;
      heed(result);
    }
    if (plain === TOO_LARGE) return null;
    const { text } = plain === NOT_PLAIN ? encodedText(encodeResult(result ?? null)) : plain;
    // What is short is its own digest: no hash is, which has 43 characters.
    return text.length < MIN_HASHED_CHARACTERS ? text : textHash(text);
  } catch {
    if (!isHeeded) heed(result);
    return null; // a getter, a `toJSON` or a proxy of the tool's threw, or there is no such form
  }
}

function encodeResult(result: unknown): Encoded {
  try {
    return encodeValue(result, "result", MAX_COMPARED_SIZE);
  } catch (error) {
    if (isUnencodable(error) && error instanceof TooLargeError) throw error;
    return encodeValue(comparable(result), "result", MAX_COMPARED_SIZE);
  }
}

export function textHash(text: string): string {
  return hash("sha256", text, "base64url");
}

function isUnencodable(error: unknown): boolean {
  try {
    return error instanceof UnencodableError;
  } catch {
    return false; // a proxy was thrown
  }
}
