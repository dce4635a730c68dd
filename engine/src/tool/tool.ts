import type { StandardSchemaV1 } from "@standard-schema/spec";
import type { Outcome } from "../call/outcome.ts";
import type { CallPolicyOptions, PolicyOptions } from "../policy/options.generated.ts";
import type { BatchNode } from "../scheduling/batch-graph.ts";
import type { CommandOptions } from "./command-options.ts";

/** A JSON Schema as plain data: draft 2020-12, or 2019-09, draft-07 or draft-06 if `$schema` says so. */
export type JsonSchema = { readonly [keyword: string]: unknown };

/** What a body gets beside its input. */
export interface ToolContext {
  /** Fires when the call is cancelled or passes its deadline. The caller has its answer by then: stop and clean up. */
  readonly signal: AbortSignal;
  readonly callId: string;
  /** The tools from the root of the call tree to this call. */
  readonly path: readonly string[];
  /** Calls another tool as part of this call's tree; it ends with this one. `run.call` inside a body does the same by itself. */
  call(tool: string, input?: unknown, options?: CallOptions): Promise<Outcome>;
}

/** A named function with an input schema and a policy. */
export interface Tool<Input = unknown, Result = unknown> extends PolicyOptions {
  readonly name: string;
  /** For people and models; the engine does not read it. */
  readonly description?: string | undefined;
  /**
   * A Standard Schema (zod, valibot, …): `run` gets its output. Or a JSON Schema, as it is or from the AI SDK: `run` gets the input as it was.
   * Keywords and formats that are not known are refused, but for those that begin with `x-`. Without a schema every input goes.
   */
  readonly inputSchema?: StandardSchemaV1<unknown, Input> | JsonSchema | undefined;
  /** Where it is a generator, it is run to its end: the result is what it returns, else what it yielded last. */
  run(input: Input, context: ToolContext): Result | Promise<Result>;
}

/** A tool whose body's input is typed by its schema; a JSON Schema says nothing to the compiler. */
export interface FunctionTool<Schema extends StandardSchemaV1 | JsonSchema>
  extends Omit<Tool<InputOf<Schema>>, "inputSchema"> {
  readonly inputSchema?: Schema | undefined;
}

// biome-ignore lint/suspicious/noExplicitAny: the body may name its type
type InputOf<Schema> = Schema extends StandardSchemaV1 ? StandardSchemaV1.InferOutput<Schema> : any;

/** A tool that is an executable: one process a call. */
export interface CommandTool extends Omit<Tool, "run">, CommandOptions {
  readonly inputSchema?: JsonSchema | StandardSchemaV1 | undefined;
}

export interface CallOptions extends CallPolicyOptions {
  /**
   * Cancels the call: the body's signal fires, and the outcome is `cancelled` within `cancelGrace`; `failure.body` says what is known of the
   * body. It is there at once where none was started, the body heeds its signal, or its process can be killed. The reason given to `abort` is the
   * body's `signal.reason`, and `failure.error`.
   */
  readonly signal?: AbortSignal | undefined;
  /** Loops are seen per run, agent and task; the engine's `agents` option names limits of an agent. */
  readonly agent?: string | undefined;
  readonly task?: string | undefined;
  /** Names one answer of the model, which may ask for several calls: their rejections count once towards the run's end. */
  readonly turn?: string | undefined;
  /**
   * The framework's own id of the request. The same id again in the run, with the same input, is the framework's repetition, not the model's:
   * it has the outcome of the first, and no body runs.
   */
  readonly requestId?: string | undefined;
  /**
   * Your word that calls with this key are one, in their run, or where they have none, in the engine: one that has ended is answered with
   * its outcome, and no body runs. The last 1,000 are remembered; a result past 64 kB is not, such a repetition is rejected (`already-done`).
   */
  readonly idempotencyKey?: string | undefined;
}

/** One call of a batch. */
export interface BatchCall extends BatchNode {
  readonly tool: string;
  readonly input?: unknown;
  readonly options?: CallOptions | undefined;
}
