import { hash } from "node:crypto";
import { canonicalJson } from "./canonical-json.ts";
import { type Encoded, encodeValue, UnencodableError } from "./values.ts";

/** Past about a megabyte a result is not compared: to encode and hash it would block the event loop. */
const MAX_RESULT_SIZE = 1_000_000;

/** `sha256` of the canonical JSON (RFC 8785) of tool name and encoded input, base64url. Key order does not matter. */
export function fingerprint(tool: string, input: Encoded): string {
  return digestEncoded([tool, input]);
}

/** An input encoded, or undefined where it cannot be: then it is never compared. No input is the same as null. */
export function encodeOrUndefined(input: unknown): Encoded | undefined {
  return ifEncodable(() => encodeValue(input ?? null));
}

/** A digest of a result, for comparing results with each other; null where it cannot be encoded, or is too large to look at. */
export function digestOf(result: unknown): string | null {
  return ifEncodable(() => digestEncoded(encodeValue(result ?? null, "result", MAX_RESULT_SIZE))) ?? null;
}

function digestEncoded(encoded: Encoded): string {
  return hash("sha256", canonicalJson(encoded), "base64url");
}

function ifEncodable<T>(compute: () => T): T | undefined {
  try {
    return compute();
  } catch (error) {
    if (error instanceof UnencodableError) return undefined;
    throw error;
  }
}
