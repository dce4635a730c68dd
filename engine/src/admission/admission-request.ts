import type { Call } from "../call/call.ts";
import type { Policy } from "../policy/policy.ts";
import type { ToolUsage } from "../run/tool-usage.ts";
import type { AdmissionRequest } from "./guard.ts";

/** What guards look at, of a call whose loops and effects are not looked at. */
export function admissionRequest(
  { tool, subject, placement, path, parent, fingerprint, run, idempotencyKey }: Call,
  policy: Policy,
  usage: ToolUsage,
  nowMs: number,
): AdmissionRequest {
  return {
    nowMs,
    tool,
    subject,
    policy,
    placement,
    path,
    parent,
    fingerprint,
    usage,
    run,
    stuckBodies: 0,
    forgottenAtMs: null,
    isKeyed: idempotencyKey !== undefined,
    rejectsForMs: undefined,
    ledger: undefined,
    history: undefined,
    isAnswered: false,
  };
}
