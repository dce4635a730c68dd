import type { Ending } from "../../call/ending.ts";
import type { ErrorInfo } from "../../call/outcome.ts";
import type { CallOptions, JsonSchema } from "../../tool/tool.ts";
import type { LeftProcesses } from "./started-processes.ts";

/**
 * What a Node worker and its engine say to each other: frames over a pipe of their own, the bytes as their body. Node's own channel between
 * parent and child is none for this: what a tool writes there by mistake throws in the parent, where nobody can catch it. Values of inputs and
 * results travel as the bytes of a structured clone, so that what cannot be cloned is known, and measured, before anything is sent.
 */
export type ToGuest =
  /** Import a module and say what its tool is. `sources`: the descriptor of the {@link SourceLog}; null where there is none. */
  | { readonly type: "load"; readonly module: string; readonly sources: number | null }
  /** The body of the frame is the cloned input. */
  | {
      readonly type: "run";
      readonly callId: string;
      /** Names the call in what the worker says: code that an earlier call left running does not know it. */
      readonly nonce: string;
      readonly path: readonly string[];
      readonly module: string;
      /** The result may be as large as this, and as {@link MAX_VALUE_BYTES}. Null is no limit of its own. */
      readonly outputBytes: number | null;
    }
  /** The call has its outcome: fire the body's signal. The worker is killed shortly. */
  | { readonly type: "abort"; readonly callId: string; readonly reason: ErrorInfo }
  /** The body of the frame is the cloned outcome. */
  | { readonly type: "nested-outcome"; readonly nested: number }
  | { readonly type: "nested-refused"; readonly nested: number; readonly error: ErrorInfo };

export type FromGuest =
  /** It runs, and listens. */
  | { readonly type: "ready" }
  | {
      readonly type: "loaded";
      readonly module: string;
      readonly description: ToolDescription;
      readonly startedProcesses: boolean;
    }
  | { readonly type: "load-failed"; readonly module: string; readonly error: ErrorInfo }
  /** `value` is a cloned result of a body that returned, `left` what the worker knows of processes that the call has left running. */
  | {
      readonly type: "ended";
      readonly nonce: string;
      readonly ending: Ending;
      readonly value?: Uint8Array | undefined;
      readonly left: LeftProcesses;
    }
  /** Something outside any body threw: the worker ends, since its state is unknown. */
  | { readonly type: "broken"; readonly error: ErrorInfo }
  /** The body calls another tool. */
  | {
      readonly type: "call";
      readonly nonce: string;
      readonly nested: number;
      readonly tool: string;
      readonly input: Uint8Array;
      readonly options: Omit<CallOptions, "signal">;
    }
  | { readonly type: "cancel-nested"; readonly nonce: string; readonly nested: number; readonly reason: ErrorInfo };

/** The descriptor of the pipe in the worker. */
export const CHANNEL_DESCRIPTOR = 3;

/** What a module says of its tool. */
export interface ToolDescription {
  readonly name: string;
  readonly description: string | null;
  /** Null where there is none, or where it is code (a Standard Schema): then the worker checks inputs. */
  readonly inputSchema: JsonSchema | null;
  /** The limits that stand in the tool itself. */
  readonly policy: { readonly [option: string]: unknown };
}

/** An input or a result may be as large as a frame's body. */
export const MAX_VALUE_BYTES = 256 * 1_024 * 1_024;
