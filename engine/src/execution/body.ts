import type { Ending } from "../call/ending.ts";
import type { Quotas } from "../policy/quota.ts";
import type { InputValidator } from "../tool/standard-schema.ts";
import type { ToolContext } from "../tool/tool.ts";

/** One attempt of an admitted call whose input was checked, as the placement that carries it out gets it. */
export interface BodyCall {
  readonly callId: string;
  /** The tools from the root of the call tree to this call. */
  readonly path: readonly string[];
  /** How long it may wait for a place to run, from now on; null is for ever. */
  waitMs(): number | null;
  /** From the start of the body, which is when this is asked; null is no deadline. */
  timeoutMs(): number | null;
  /** What its processes may use together. The host, whose process is everybody's, does not hold them. */
  readonly quotas: Quotas;
  readonly input: unknown;
  /** Fires when the call is cancelled: the placement stops the body. */
  readonly signal: AbortSignal;
  /** Fires it. */
  abort(reason: unknown): void;
  /** There is no place for it to run yet. */
  waits(): void;
  /** The body is about to run. @returns false if the call has ended meanwhile: then it must not */
  start(): boolean;
  /** At the body's ending or at its deadline, whichever is first; what comes later is ignored. */
  ended(ending: Ending, value?: unknown): void;
  /** Set by the runner that wants to be told when the call has its outcome. */
  listener?: { settled(): void } | undefined;
  /** Runs a function in this call's place in the call tree. */
  enter<T>(body: () => T): T;
  /** Runs a function in the asynchronous context (`AsyncLocalStorage`) of whoever made this call. */
  inCallersContext<T>(body: () => T): T;
  /** Calls another tool as part of this call's tree. */
  readonly callNested: ToolContext["call"];
}

/** How the bodies of one tool are run: a closure, a module in a Node worker, a command. */
export interface BodyRunner {
  /** Whether a cancel ends a body at once, with its process. Else it is asked to stop by its signal. */
  readonly canKill: boolean;
  begin(call: BodyCall): void;
  /** Bodies that go on although their calls have their outcomes. */
  readonly stuckBodies?: number;
}

/** A tool of the TypeScript door. */
export interface PlacedTool {
  readonly validate: InputValidator;
  readonly runner: BodyRunner;
}
