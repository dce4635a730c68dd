import type { Ending } from "../../call/ending.ts";
import type { ErrorInfo } from "../../call/outcome.ts";
import type { Quotas } from "../../policy/quota.ts";
import type { FromGuest } from "./messages.ts";
import type { NodeWorker } from "./worker.ts";

/** One attempt of one call, for a worker to run. */
export interface Job {
  readonly callId: string;
  readonly path: readonly string[];
  readonly module: string;
  /** The cloned input. */
  readonly input: Uint8Array;
  readonly quotas: Quotas;
  /** How long it may wait for a worker, from now on; null is for ever. */
  readonly waitMs: number | null;
  /** From the moment a worker has the job, which is when this is asked; null is no deadline. */
  timeoutMs(): number | null;
  /** No worker is free for it. */
  waits(): void;
  /** A worker is about to get it. @returns false if the call has ended meanwhile */
  start(): boolean;
  /** Called once, unless the job is cancelled. */
  ended(ending: Ending, value?: Uint8Array): void;
  /** The body calls another tool. */
  nested(message: FromGuest & { type: "call" }, worker: NodeWorker): Promise<void>;
  cancelNested(nested: number, reason: ErrorInfo): void;
}
