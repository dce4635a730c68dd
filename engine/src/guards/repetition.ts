import { effectOf } from "../policy/effect.ts";
import type { Policy } from "../policy/policy.ts";
import type { Call } from "../state/call.ts";
import type { Ledger } from "../state/ledger.ts";
import type { StoredEnding } from "../state/stored-ending.ts";
import type { Rejection } from "./guard.ts";

/**
 * What becomes of a call that repeats another by name: it is answered with the ending that is stored, or rejected.
 *
 * @returns undefined for the first call of its name, or one whose repetition does no harm
 */
export function repetitionOf(
  { tool, fingerprint, requestId, idempotencyKey }: Call,
  policy: Policy,
  ledger: Ledger<StoredEnding>,
): StoredEnding | Rejection | undefined {
  const decision = ledger.decide({ tool, fingerprint, effect: effectOf(policy), requestId, idempotencyKey });
  if (decision.type === "run") return undefined;
  const figures = { detail: decision.earlier };
  switch (decision.type) {
    case "done":
      return decision.stored ?? { code: "already-done", figures };
    case "in-flight":
      return { code: "already-running", figures };
    default:
      return { code: decision.type, figures };
  }
}
