import type { FailureStatus, Placement } from "../call/outcome.ts";
import type { Figure, Measure } from "./thresholds.ts";

/** What every event of a call says. */
interface AboutCall {
  readonly callId: string;
  readonly tool: string;
  /** Null outside any run. */
  readonly runId: string | null;
}

/** Whence a call was answered without a body. */
export type AnsweredBy = "cache" | "flight" | "ledger" | "framework";

/** Why the engine ended a worker. */
export type WorkerEnd = "cancel" | "close" | "deadline" | "idle" | "pressure" | "quota" | "recycle";

/**
 * What happens in an engine, one event for each decision and each ending, in the order in which they take effect. Names are what it
 * is about and what happens to it. Instants (`atMs`) are monotonic milliseconds of the engine's process (`performance.now()`). New types
 * and fields may be added; those here keep their meaning.
 */
export type EngineEvent = { readonly atMs: number } & (
  | ({ readonly type: "call-admit"; readonly path: readonly string[]; readonly placement: Placement } & AboutCall)
  /** It waits for a permit, or for a worker. `waiting` counts the calls that do, with this one. */
  | ({ readonly type: "call-wait"; readonly waiting: number } & AboutCall)
  /** It was answered without a body: `by` tells from where. */
  | ({ readonly type: "call-answer"; readonly by: AnsweredBy } & AboutCall)
  /** A body begins. `waitedMs`: since the call was submitted. */
  | ({ readonly type: "attempt-start"; readonly attempt: number; readonly waitedMs: number } & AboutCall)
  /** An attempt failed, and another one follows after the delay. */
  | ({ readonly type: "attempt-retry"; readonly attempt: number; readonly delayMs: number } & AboutCall)
  /** It has its outcome; one for each call, rejected ones too. */
  | ({ readonly type: "call-settle" } & Settlement & AboutCall)
  | { readonly type: "run-open"; readonly runId: string }
  /** An agent gets no more calls at its task: too many of them in a row were rejected. */
  | {
      readonly type: "agent-end";
      readonly runId: string;
      readonly agent: string | null;
      readonly task: string | null;
      readonly reason: string;
    }
  /** It takes no more calls: its owner ended it, or so many of its agents were ended. */
  | { readonly type: "run-end"; readonly runId: string; readonly reason: string }
  /** A run that was opened from Python is over: it is forgotten. */
  | { readonly type: "run-close"; readonly runId: string }
  | { readonly type: "worker-start"; readonly pid: number }
  | {
      readonly type: "worker-exit";
      readonly pid: number;
      readonly signal: string | null;
      readonly exitCode: number | null;
      /** Why, if the engine ended it; null if it ended by itself. */
      readonly reason: WorkerEnd | null;
    }
  | { readonly type: "pressure-rise"; readonly measure: Measure; readonly figure: Figure; readonly observed: number }
  | { readonly type: "pressure-fall"; readonly measure: Measure }
  /** How many calls run at once from now on; null is no limit. */
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
