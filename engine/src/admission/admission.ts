import type { Reservation } from "../call/call.ts";
import { didNotStart, type Ending } from "../call/ending.ts";
import { depthGuard } from "./depth.ts";
import type { AdmissionRequest, Guard, Rejection } from "./guard.ts";
import { repeatedCallGuard, repetitionNotice } from "./repeated-call.ts";
import { usageLimitGuard } from "./usage-limit.ts";

/** Cheapest first; the first that rejects decides. */
const GUARDS: readonly Guard[] = [depthGuard, usageLimitGuard, repeatedCallGuard];

export type Admission =
  | { readonly type: "admitted"; readonly reservation: Reservation }
  | { readonly type: "rejected"; readonly rejection: Rejection };

/** Decides whether a body may run. If so, its use is reserved at once: two calls never share the last one. */
export function admit(request: AdmissionRequest): Admission {
  for (const guard of GUARDS) {
    const rejection = guard(request);
    if (rejection) return { type: "rejected", rejection };
  }
  const { tool, policy, fingerprint, engineUsage, runUsage, history } = request;
  engineUsage.reserve(tool);
  runUsage?.reserve(tool);

  const settle = (ending: Ending): string | null => {
    if (didNotStart(ending) || ending.type === "answered") {
      engineUsage.giveBack(tool);
      runUsage?.giveBack(tool);
    }
    const result = resultOf(ending);
    if (!result || fingerprint === null || !history) return null;
    return repetitionNotice(tool, policy, history.record(fingerprint, result.digest, result.preview));
  };
  return { type: "admitted", reservation: { settle } };
}

/** What counts as the result of a call in loop detection: a failure that repeats is a repetition, too. */
function resultOf(ending: Ending): { digest: string; preview: string | null } | undefined {
  switch (ending.type) {
    case "returned":
    case "answered":
      return ending.digest === null ? undefined : { digest: ending.digest, preview: ending.preview };
    case "raised":
      return { digest: `raised ${ending.error.name}: ${ending.error.message}`, preview: ending.error.message };
    case "expired":
    case "crashed":
    case "invalid":
      return { digest: ending.type, preview: null };
    default:
      return undefined;
  }
}
