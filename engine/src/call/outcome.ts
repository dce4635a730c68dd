import type { Code } from "./codes.generated.ts";

/** Where a body runs: in the process that made the call, or in a process the engine owns and can kill. */
export type Placement = "host" | "worker";

/** An exception as plain data, so that it can cross processes. */
export interface ErrorInfo {
  readonly name: string;
  readonly message: string;
  /** The stack or traceback as text; empty where there is none. */
  readonly stack: string;
  readonly code?: string | number;
  /** Such as that of an HTTP answer. */
  readonly status?: string | number;
  /** Its other own fields that are plain data: at most 20 a level, three levels, 4,000 characters. */
  readonly fields?: { readonly [name: string]: unknown };
  readonly cause?: ErrorInfo;
  /** Those that an AggregateError holds. With the causes at most 20 in all. */
  readonly errors?: readonly ErrorInfo[];
}

/** How a worker's process ended. Exactly one of the two is known, or neither. */
export interface Crash {
  readonly signal: string | null;
  readonly exitCode: number | null;
  /** Why the engine ended it. */
  readonly because?: string;
}

/** What every outcome says of its call. */
export interface CallFacts {
  readonly callId: string;
  readonly tool: string;
  /** The tools from the root of the call tree to this call, this call's tool last. */
  readonly path: readonly string[];
  /** From submission to settlement. */
  readonly elapsedMs: number;
  /** Bodies that were started for this call, 0 where none was. */
  readonly attempts: number;
}

/** Why a call did not succeed: plain frozen data with a stable code. */
export interface Failure extends CallFacts {
  readonly code: Code;
  /** For the developer: the limit and the figure seen. */
  readonly message: string;
  /** For the model: what happened, what is known, what to do now. */
  readonly forModel: string;
  /** Whether the same call can succeed later without a change. */
  readonly retryable: boolean;
  /** The option that says where the limit is, by its name in TypeScript; none where there is no such option. */
  readonly option?: string;
  readonly error?: ErrorInfo;
  readonly crash?: Crash;
  /** When the same call has a chance, where that is known. */
  readonly retryAfterMs?: number;
  /** Of a cancelled call: what is known of its body. */
  readonly body?: CancelledBody;
}

export type FailureStatus = "failed" | "rejected" | "timed-out" | "cancelled" | "killed" | "lost";

/** A rejection that was decided and not carried out: the engine's mode is `observe`. */
export interface ObservedRejection {
  readonly code: Code;
  readonly message: string;
}

interface Settled extends CallFacts {
  /** Where the body ran or would have run. */
  readonly placement: Placement;
  /** A text for the model to read beside the result, such as that the call repeats itself. */
  readonly notice: string | null;
  /** What would have been rejected, had the engine's mode not been `observe`. */
  readonly observed: readonly ObservedRejection[];
  /** How much of it a model reads, as UTF-8; null is all. `modelText` cuts it. */
  readonly maxResultBytes: number | null;
}

export interface Success<Value = unknown> extends Settled {
  readonly status: "succeeded";
  readonly value: Value;
}

export interface Unsuccessful extends Settled {
  readonly status: FailureStatus;
  readonly failure: Failure;
}

/** The one answer of a call. */
export type Outcome<Value = unknown> = Success<Value> | Unsuccessful;

/**
 * What is known of the body of a cancelled call. `not-started`: it did not begin. `stopped`: it goes on no more, and may have had effects
 * before. `finished`: it ran to its own end all the same. `effect-unknown`: it may still be running.
 */
export type CancelledBody = "not-started" | "stopped" | "finished" | "effect-unknown";
