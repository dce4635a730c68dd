import { hash } from "node:crypto";
import canonicalize from "canonicalize";
import { type Encoded, encodeValue, UnencodableError } from "./values.ts";

/** `sha256` of the canonical JSON (RFC 8785) of tool name and encoded input, base64url. Key order does not matter. */
export function fingerprint(tool: string, input: Encoded): string {
  return digestEncoded([tool, input]);
}

/** The fingerprint of an input as the caller holds it, or null where it cannot be encoded. */
export function fingerprintOf(tool: string, input: unknown): string | null {
  return orNull(() => fingerprint(tool, encodeValue(input)));
}

/** A digest of a result, for comparing results with each other; null where it cannot be encoded. */
export function digestOf(result: unknown): string | null {
  return orNull(() => digestEncoded(encodeValue(result ?? null, "result")));
}

function digestEncoded(encoded: Encoded): string {
  return hash("sha256", canonicalize(encoded) ?? "", "base64url");
}

function orNull(compute: () => string): string | null {
  try {
    return compute();
  } catch (error) {
    if (error instanceof UnencodableError) return null;
    throw error;
  }
}
