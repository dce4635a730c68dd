import type { Placement } from "../call/outcome.ts";
import type { Call } from "./call.ts";

/** A call without an outcome yet. */
export interface CallInFlight {
  readonly callId: string;
  readonly tool: string;
  readonly path: readonly string[];
  readonly run: string | null;
  readonly placement: Placement;
  /** Since it was submitted, */
  readonly elapsedMs: number;
  /** and since its body began; null if it waits. */
  readonly ranMs: number | null;
  readonly timeoutMs: number | null;
}

export function callInFlight(call: Call, nowMs: number): CallInFlight {
  const { id, tool, path, run, placement, submittedAtMs, startedAtMs, timeoutMs } = call;
  return {
    ...{ callId: id, tool, path, run: run?.id ?? null, placement },
    elapsedMs: nowMs - submittedAtMs,
    ranMs: startedAtMs === undefined ? null : nowMs - startedAtMs,
    timeoutMs,
  };
}
