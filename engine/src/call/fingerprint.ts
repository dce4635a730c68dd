import { hash } from "node:crypto";
import canonicalize from "canonicalize";
import { type Encoded, encodeValue, UnencodableError } from "./values.ts";

/** `sha256` of the canonical JSON (RFC 8785) of tool name and encoded input, base64url. Key order does not matter. */
export function fingerprint(tool: string, input: Encoded): string {
  return digestEncoded([tool, input]);
}

/** An input encoded, or undefined where it cannot be: then it is never compared. No input is the same as null. */
export function encodeOrUndefined(input: unknown): Encoded | undefined {
  return ifEncodable(() => encodeValue(input ?? null));
}

/** A digest of a result, for comparing results with each other; null where it cannot be encoded. */
export function digestOf(result: unknown): string | null {
  return ifEncodable(() => digestEncoded(encodeValue(result ?? null, "result"))) ?? null;
}

function digestEncoded(encoded: Encoded): string {
  return hash("sha256", canonicalize(encoded) ?? "", "base64url");
}

function ifEncodable<T>(compute: () => T): T | undefined {
  try {
    return compute();
  } catch (error) {
    if (error instanceof UnencodableError) return undefined;
    throw error;
  }
}
