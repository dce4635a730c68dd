import type { Ending } from "../call/ending.ts";
import type { KeptResult } from "./kept-result.ts";

/** Of a larger result, or failure, only that it is done is remembered: what is stored lies in memory and in the journal. */
export const MAX_STORED_BYTES = 64_000;

/** How a call ended that can be repeated by name, as plain data. */
export interface StoredEnding {
  readonly ending: Ending;
  /** Of one that returned. */
  readonly result?: { readonly form: KeptResult["form"]; readonly base64: string };
}

/** @param result of a body that returned, if it could be kept. @returns null if it cannot be told again */
export function storedEnding(ending: Ending, result: KeptResult | undefined): StoredEnding | null {
  if (ending.type !== "returned") return JSON.stringify(ending).length <= MAX_STORED_BYTES ? { ending } : null;
  if (!result || result.bytes.byteLength > MAX_STORED_BYTES) return null;
  return { ending, result: { form: result.form, base64: Buffer.from(result.bytes).toString("base64") } };
}

/** How a call ends that repeats the one of this ending, and the result that goes with it. No body ran for it. */
export function toldAgain({ ending, result }: StoredEnding): {
  readonly answer: Ending;
  readonly result: KeptResult | undefined;
} {
  const kept = result && { form: result.form, bytes: Buffer.from(result.base64, "base64") };
  if (ending.type !== "returned") return { answer: { type: "shared", ending }, result: undefined };
  return { answer: { ...ending, type: "answered", by: "ledger" }, result: kept };
}
