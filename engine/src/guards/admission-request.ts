import type { Policy } from "../policy/policy.ts";
import type { Call } from "../state/call.ts";
import type { ToolUsage } from "../state/tool-usage.ts";
import type { AdmissionRequest } from "./guard.ts";

/** What is known beside the call. */
export type Circumstances = Pick<
  AdmissionRequest,
  "stuckBodies" | "forgottenAtMs" | "rejectsForMs" | "ledger" | "history" | "isAnswered"
>;

const NO_CIRCUMSTANCES: Circumstances = Object.freeze({
  stuckBodies: 0,
  forgottenAtMs: null,
  rejectsForMs: undefined,
  ledger: undefined,
  history: undefined,
  isAnswered: false,
});

/** What guards look at. Without circumstances neither loops nor effects are looked at. */
export function admissionRequest(
  { tool, subject, placement, path, parent, fingerprint, run, idempotencyKey }: Call,
  policy: Policy,
  usage: ToolUsage,
  nowMs: number,
  { stuckBodies, forgottenAtMs, rejectsForMs, ledger, history, isAnswered }: Circumstances = NO_CIRCUMSTANCES,
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
    stuckBodies,
    forgottenAtMs,
    isKeyed: idempotencyKey !== undefined,
    rejectsForMs,
    ledger,
    history,
    isAnswered,
  };
}
