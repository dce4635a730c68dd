import { randomBytes } from "node:crypto";
import { textHash } from "../call/fingerprint.ts";

/** What tells which inputs and results are the same. */
const HASHES: ReadonlySet<string> = new Set(["fingerprint", "digest"]);

/**
 * The text of a journal as it is kept for people to read: without the results that repetitions were answered with, and what is the same can
 * still be seen to be the same, but is hashed with a key that nobody has, so that no short value can be guessed.
 */
export function keptText(text: string): string {
  const key = randomBytes(32).toString("base64");
  return text.replace(/^.+$/gm, (line) => {
    try {
      return JSON.stringify(JSON.parse(line), (name, value: unknown) => {
        if (name === "stored") return undefined;
        return typeof value === "string" && HASHES.has(name) ? textHash(key + value) : value;
      });
    } catch {
      return ""; // cut in the middle
    }
  });
}
