import type { Ending } from "../../call/ending.ts";
import type { Policy } from "../../policy/options.generated.ts";
import type { Quotas } from "../../policy/quota.ts";

/** One attempt of one call, for a worker to run. */
export interface Job {
  readonly callId: string;
  readonly attempt: number;
  /** The calls that wait for this one: their bodies give their places to others. */
  readonly waiting: readonly string[];
  /** Which loaded tool to run. */
  readonly key: string;
  /** The pickled arguments. */
  readonly args: Uint8Array;
  /** From the moment a worker has the job; null is no deadline. */
  readonly timeoutMs: number | null;
  /** From now on: when the call's own caller ends, and waits no more; null is never. */
  readonly withinMs: number | null;
  /** How long it may wait for a worker, from now on; null is for ever. */
  readonly waitMs: number | null;
  readonly quotas: Quotas;
  /** Where goes what the body prints. */
  readonly stdout: Policy["workerStdout"];
  /** It is about to be sent to a worker, whose note is named so: from then on its body may begin. Again after it was put back. */
  given(note: string, before: string): void;
  /** A worker has it. Once, unless it is taken back before. */
  readonly begun: () => void;
  /** Called once, unless the job is cancelled. `body` is the pickled result or exception. */
  ended(ending: Ending, body?: Uint8Array): void;
}
