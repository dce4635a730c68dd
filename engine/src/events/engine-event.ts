import type { FailureStatus, Placement } from "../call/outcome.ts";
import type { Figure, Measure } from "../pressure/thresholds.ts";

/** What every event of a call says. */
interface AboutCall {
  readonly callId: string;
  readonly tool: string;
  /** Null outside any run. */
  readonly runId: string | null;
}

/**
 * What happens in an engine, one event for each decision and each ending, in the order in which they take effect. Instants
 * (`atMs`) are monotonic milliseconds of the engine's process. New types and fields may be added; those here keep their meaning.
 */
export type EngineEvent = { readonly atMs: number } & (
  | ({ readonly type: "call-admitted"; readonly path: readonly string[]; readonly placement: Placement } & AboutCall)
  /** It waits for a permit. `waiting` counts the calls that do, with this one. */
  | ({ readonly type: "call-waiting"; readonly waiting: number } & AboutCall)
  /** It was answered without a body: `by` tells from where. */
  | ({ readonly type: "call-answered"; readonly by: "cache" | "flight" | "ledger" | "framework" } & AboutCall)
  | ({ readonly type: "attempt-start"; readonly attempt: number; readonly waitedMs: number } & AboutCall)
  /** An attempt failed, and another one follows after the delay. */
  | ({ readonly type: "attempt-retry"; readonly attempt: number; readonly delayMs: number } & AboutCall)
  | ({ readonly type: "call-settled" } & Settlement & AboutCall)
  | { readonly type: "run-open"; readonly runId: string }
  | { readonly type: "run-close"; readonly runId: string; readonly reason: string | null }
  | { readonly type: "worker-start"; readonly pid: number }
  | {
      readonly type: "worker-exit";
      readonly pid: number;
      readonly signal: string | null;
      readonly exitCode: number | null;
      /** Why, if the engine ended it: `recycle`, `cancel`, `deadline`, `quota`, `pressure`, `close`. */
      readonly reason: string | null;
    }
  | { readonly type: "pressure-rise"; readonly measure: Measure; readonly figure: Figure; readonly observed: number }
  | { readonly type: "pressure-fall"; readonly measure: Measure }
  | { readonly type: "concurrency-change"; readonly maxConcurrent: number | null }
);

/** How a call ended. */
export interface Settlement {
  readonly status: "succeeded" | FailureStatus;
  /** The code of its failure; null if it succeeded. */
  readonly code: string | null;
  /** From submission to the start of its body, or to its end if none started. */
  readonly waitedMs: number;
  /** From the start of its first body to its end; null if no body started. */
  readonly ranMs: number | null;
  /** Bodies that were started. */
  readonly attempts: number;
}

export type EventType = EngineEvent["type"];
