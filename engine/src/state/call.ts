import type { Outcome, Placement } from "../call/outcome.ts";
import type { Policy } from "../policy/policy.ts";
import type { Run } from "./run.ts";

/** A call's life. It moves down this list, but for another attempt, which is admitted again; and it settles exactly once. */
export type CallState =
  | { readonly type: "submitted" }
  | { readonly type: "admitted"; readonly attempt: number }
  | { readonly type: "running"; readonly attempt: number }
  | { readonly type: "settled"; readonly outcome: Outcome };

export type CallEvent =
  /** `attempt`: of a call that an earlier engine had admitted; else the first. */
  | { readonly type: "admit"; readonly attempt?: number }
  | { readonly type: "start" }
  /** An attempt has ended, and another one follows. */
  | { readonly type: "retry"; readonly attempt: number }
  /** The attempt that ends; none where the call ends whatever it is doing (rejected, cancelled). */
  | { readonly type: "settle"; readonly attempt?: number | undefined; readonly outcome: Outcome };

/**
 * The next state. An event that does not apply, such as the late ending of a call that timed out, gives the same
 * state object back: the caller sees by identity that nothing changed.
 */
export function transition(state: CallState, event: CallEvent): CallState {
  switch (event.type) {
    case "admit":
      return state.type === "submitted" ? { type: "admitted", attempt: event.attempt ?? 1 } : state;
    case "start":
      return state.type === "admitted" ? { type: "running", attempt: state.attempt } : state;
    case "retry":
      return acceptsEnding(state, event.attempt) ? { type: "admitted", attempt: event.attempt + 1 } : state;
    case "settle":
      if (!acceptsEnding(state, event.attempt)) return state;
      return { type: "settled", outcome: event.outcome };
  }
}

/** Whether an ending of `attempt` (or of the call as a whole) still matters. */
export function acceptsEnding(state: CallState, attempt: number | undefined): boolean {
  if (state.type === "settled") return false;
  if (attempt === undefined) return true;
  return state.type !== "submitted" && state.attempt === attempt;
}

/** What is left of its timeout for the attempt that starts now: all of them lie within it. */
export function attemptTimeoutMs({ state, timeoutMs, startedAtMs, preparedMs }: Call, nowMs: number): number | null {
  const isFirst = !("attempt" in state) || state.attempt === 1;
  if (timeoutMs === null) return null;
  const usedMs = isFirst || startedAtMs === undefined ? preparedMs : nowMs - startedAtMs;
  return usedMs === 0 ? timeoutMs : Math.max(1, timeoutMs - usedMs);
}

const REBUILD_GRACE_MS = 1_000;

/**
 * How long the result of a call may take to be rebuilt: what is left of its timeout, and at least 1 s, so that a body that ended close to its
 * deadline keeps its result; never more than the timeout. Null is no limit.
 */
export function rebuildMs({ timeoutMs, startedAtMs }: Call, nowMs: number): number | null {
  if (timeoutMs === null || startedAtMs === undefined) return timeoutMs;
  return Math.min(timeoutMs, Math.max(REBUILD_GRACE_MS, timeoutMs - (nowMs - startedAtMs)));
}

/** What a call is, from its submission on. Only `state` changes, and what is not readonly. */
export interface Call {
  readonly id: string;
  readonly tool: string;
  /** Whom a delegating tool delegates to. */
  readonly subject: string | undefined;
  /** The call whose body makes this one. */
  readonly parent: Call | undefined;
  readonly run: Run | undefined;
  /** The limits that hold for it; none where there is no such tool. Of a call that was resumed, the engine's until it asks for its turn. */
  policy: Policy | undefined;
  readonly path: readonly string[];
  /** Where its body runs. */
  readonly placement: Placement;
  /** From the start of an attempt; null is no deadline. Set again when a call that waited may start. */
  timeoutMs: number | null;
  /** From submission: when its caller ends by itself; null is never. */
  readonly withinMs: number | null;
  /** Code asks by itself, not a model. */
  readonly byCode: boolean;
  /** Somebody is stepping through the body. */
  readonly debug: boolean;
  /** The names by which it can be repeated: a framework's own of the request, and the application's. */
  readonly requestId: string | undefined;
  readonly idempotencyKey: string | undefined;
  /** Values of its input that are written nowhere. */
  secrets: readonly string[];
  /** Null where the input cannot be encoded: such a call is never compared. */
  readonly fingerprint: string | null;
  readonly submittedAtMs: number;
  /** What its client needed to make its tool and arguments ready for a worker: time of the call. */
  preparedMs: number;
  /** When its first body began, less what it took to prepare it; undefined before. */
  startedAtMs: number | undefined;
  state: CallState;
}
