import type { Code } from "../call/codes.generated.ts";
import { describeEnding, type FailureFigures, failureOutcome, type KnownEffect } from "../call/describe.ts";
import type { Ending } from "../call/ending.ts";
import type { CallFacts, ObservedRejection, Outcome, Unsuccessful } from "../call/outcome.ts";
import type { Call } from "./call.ts";

/** What an outcome says beside the ending. */
export interface Settlement {
  readonly nowMs: number;
  /** Bodies that were started. */
  readonly attempts: number;
  readonly notice: string | null;
  readonly observed: readonly ObservedRejection[];
  /** Of a call that succeeded. */
  readonly value?: unknown;
}

/** What is known of the outcome of a call if its body returns: a success without a notice, but for results with the digests `unless`. */
export interface IfReturned {
  readonly attempts: number;
  readonly observed: readonly ObservedRejection[];
  readonly unless: readonly string[];
}

/** The outcome of a call that ended so. */
export function endedOutcome(call: Call, ending: Ending, settlement: Settlement): Outcome {
  const { attempts, nowMs, notice, observed, value } = settlement;
  const facts = factsOf(call, attempts, nowMs);
  const maxResultBytes = maxResultBytesOf(call);
  if (ending.type === "returned" || ending.type === "answered") {
    // Named one by one: every call that succeeds comes by here, and spreads are slow.
    return Object.freeze({
      status: "succeeded",
      callId: facts.callId,
      tool: facts.tool,
      path: facts.path,
      elapsedMs: facts.elapsedMs,
      attempts,
      placement: call.placement,
      notice,
      observed,
      maxResultBytes,
      value,
    });
  }
  const rest = { notice, observed, maxResultBytes };
  const [code, figures] = describeEnding(ending, call.timeoutMs);
  return failureOutcome(code, facts, call.placement, figures, rest, knownEffect(call));
}

/** The outcome of a call that no body runs for. */
export function rejectedOutcome(call: Call, code: Code, figures: FailureFigures, nowMs: number): Unsuccessful {
  const rest = { maxResultBytes: maxResultBytesOf(call) };
  return failureOutcome(code, factsOf(call, 0, nowMs), call.placement, figures, rest, knownEffect(call));
}

function factsOf({ id, tool, path, submittedAtMs }: Call, attempts: number, nowMs: number): CallFacts {
  return { callId: id, tool, path, elapsedMs: Math.round((nowMs - submittedAtMs) * 1_000) / 1_000, attempts };
}

const knownEffect = ({ policy }: Call): KnownEffect => ({
  isRepeatable: !!policy && (policy.readOnly || policy.idempotent),
});

const maxResultBytesOf = ({ policy }: Call): number | null => policy?.maxResultBytes ?? null;
