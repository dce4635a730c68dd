import { hash } from "node:crypto";
import { canonicalJson } from "./canonical-json.ts";
import { comparable } from "./comparable.ts";
import { withoutStop } from "./error-info.ts";
import { type Encoded, encodeValue, TooLargeError, UnencodableError } from "./values.ts";

/** Past about a megabyte an input or a result is not compared: to encode and hash it would block the event loop. */
const MAX_COMPARED_SIZE = 1_000_000;

/** `sha256` of the canonical JSON (RFC 8785) of tool name and encoded input, base64url. Key order does not matter. */
export function fingerprint(tool: string, input: Encoded): string {
  return digestEncoded([tool, input]);
}

/**
 * An input encoded; undefined where it cannot be, or is too large to look at: then it is never compared. No input is the same as null. `unreadable` says why nothing can be
 * known of it: a getter or a proxy of its own throws.
 */
export function readInput(input: unknown): { readonly encoded?: Encoded; readonly unreadable?: string } {
  try {
    return { encoded: encodeValue(input ?? null, "input", MAX_COMPARED_SIZE) };
  } catch (error) {
    return isUnencodable(error) ? {} : { unreadable: `it cannot be read: ${withoutStop(error)}` };
  }
}

/**
 * A digest of a result, for comparing results with each other. Null where neither structured clone nor `toJSON` gives plain data of it, it cannot be
 * read, or it is too large to look at. Never throws.
 */
export function digestOf(result: unknown): string | null {
  try {
    return digestEncoded(encodeResult(result ?? null));
  } catch {
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

function digestEncoded(encoded: Encoded): string {
  return hash("sha256", canonicalJson(encoded), "base64url");
}

function isUnencodable(error: unknown): boolean {
  try {
    return error instanceof UnencodableError;
  } catch {
    return false; // a proxy was thrown
  }
}
