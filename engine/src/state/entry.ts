import type { Code } from "../call/codes.generated.ts";
import type { Placement } from "../call/outcome.ts";
import type { Result } from "../call/result.ts";
import type { Trace } from "../call/trace-of.ts";
import type { Effect } from "../policy/effect.ts";
import type { Rate } from "../policy/options.generated.ts";
import type { SeenCall } from "./loop-history.ts";
import type { StoredEnding } from "./stored-ending.ts";

/**
 * What changes the counts and histories of an engine and its runs: appended to the journal before it takes effect, and
 * applied by the same code when it happens and when it is read back. `atMs` is an instant of the engine's clock.
 */
export type Entry =
  | AdmittedEntry
  | RetriedEntry
  | GivenEntry
  | EndedEntry
  | RejectedEntry
  | AgentEndedEntry
  | RunOpenedEntry
  | RunEndedEntry
  | RunClosedEntry
  | ForgottenEntry;

export interface AdmittedEntry {
  readonly type: "admitted";
  readonly atMs: number;
  readonly call: string;
  /** The client's number of the call: told again, it is the same call. */
  readonly id?: number | undefined;
  readonly tool: string;
  readonly subject?: string | undefined;
  readonly path: readonly string[];
  readonly parent?: string | undefined;
  readonly placement: Placement;
  readonly timeoutMs: number | null;
  readonly withinMs: number | null;
  readonly fingerprint: string | null;
  /** What a second body with this input would do. */
  readonly effect: Effect;
  /** The names by which it can be repeated. */
  readonly requestId?: string | undefined;
  readonly idempotencyKey?: string | undefined;
  readonly run?: string | undefined;
  readonly agent?: string | undefined;
  /** By which the engine's options know the agent, if not by `agent`. */
  readonly agentName?: string | undefined;
  readonly task?: string | undefined;
  readonly turn?: string | undefined;
  /** What loop detection compares; none for a call that it does not watch. */
  readonly seen?: SeenCall | undefined;
  readonly rate: Rate | null;
  /** Failures in a row that open the tool's breaker; null where it has none. */
  readonly breakerLimit: number | null;
  /** The one call that an open breaker let through. */
  readonly probe: boolean;
  /** A kept result answers it in the same turn: no body runs for it, also where its ending is not written down any more. */
  readonly answered?: true | undefined;
}

/** An attempt ended, and another one follows: one more body, unless the one before was not started. */
export interface RetriedEntry {
  readonly type: "retried";
  readonly atMs: number;
  readonly call: string;
  /** The one that follows. */
  readonly attempt: number;
  readonly started: boolean;
}

/** An attempt is about to be sent to a worker: from now on its body may begin. Where the worker notes it is named by `note`. */
export interface GivenEntry {
  readonly type: "given";
  readonly atMs: number;
  readonly call: string;
  readonly attempt: number;
  readonly note: string;
  /** The call that this worker was given before; empty if there was none. Its note names that one, or this one. */
  readonly before: string;
}

export interface EndedEntry {
  readonly type: "ended";
  readonly atMs: number;
  readonly call: string;
  /** Whether a body was started, or may have been. */
  readonly started: boolean;
  readonly failed: boolean;
  /** What is known of the effect of its bodies. */
  readonly trace: Trace;
  readonly result: Result | null;
  /** What a repetition is answered with. Only that of a call with an idempotency key is written down. */
  readonly stored?: StoredEnding | null | undefined;
}

export interface RejectedEntry {
  readonly type: "rejected";
  readonly atMs: number;
  readonly run: string;
  readonly agent?: string | undefined;
  readonly task?: string | undefined;
  readonly turn?: string | undefined;
  readonly tool: string;
  readonly code: Code;
  readonly seen?: SeenCall | undefined;
}

/** An agent gets no more calls at its task. */
export interface AgentEndedEntry {
  readonly type: "agent-ended";
  readonly atMs: number;
  readonly run: string;
  readonly agent?: string | undefined;
  readonly task?: string | undefined;
  readonly reason: string;
}

export interface RunOpenedEntry {
  readonly type: "run-opened";
  readonly atMs: number;
  readonly run: string;
  /** It was open before, on an engine that was lost, and what that one wrote of it cannot be read. */
  readonly forgotten?: true | undefined;
}

export interface RunEndedEntry {
  readonly type: "run-ended";
  readonly atMs: number;
  readonly run: string;
  readonly reason: string;
}

/** Of a run that is over, or of entries that were compacted: what they used still counts for the engine. */
export interface RunClosedEntry {
  readonly type: "run-closed";
  readonly atMs: number;
  /** The highest number of a client's call that was admitted so far: entries of such calls may be gone with their run. */
  readonly lastId?: number | undefined;
  readonly run: string;
  readonly tools: Readonly<Record<string, UsedTool>>;
}

/** What an engine of this name had written before cannot be read: true for whoever reads this, too. */
export interface ForgottenEntry {
  readonly type: "forgotten";
  readonly atMs: number;
}

export interface UsedTool {
  /** Bodies that it adds to the engine's count. */
  readonly bodies: number;
  /** As they were for the whole engine at that time; none where the tool has no rate limit or no breaker. */
  readonly startsMs?: readonly number[];
  readonly breaker?: {
    readonly state: "closed" | "open" | "halfOpen";
    readonly failures: number;
    readonly openedAtMs: number;
  };
}
