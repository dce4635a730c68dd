import type { CallRequest } from "./call-request.ts";
import { show } from "./internal/duration.ts";
import { refuseUnknownKeys } from "./internal/nearest.ts";
import { requireSignal } from "./internal/require-signal.ts";
import { optionNames } from "./policy/compile-options.ts";
import { compileCallTimeout } from "./policy/policy.ts";
import type { BatchCall, CallOptions } from "./tool.ts";

const CALL_KEYS = ["signal", "agent", "task", "turn", "requestId", "idempotencyKey", ...optionNames("call")];
const BATCH_CALL_KEYS = ["tool", "input", "options", "name", "after", "afterFailure"];

type CompiledCallOptions = Pick<CallRequest, "agent" | "task" | "turn" | "requestId" | "idempotencyKey" | "timeoutMs">;

const NO_OPTIONS: CompiledCallOptions = Object.freeze({
  agent: undefined,
  task: undefined,
  turn: undefined,
  requestId: undefined,
  idempotencyKey: undefined,
  timeoutMs: undefined,
});

/** @throws TypeError or RangeError for an option that is unknown or makes no sense */
export function compileCallOptions(options?: CallOptions): CompiledCallOptions {
  if (options === undefined) return NO_OPTIONS;
  refuseUnknownKeys(options, CALL_KEYS, "call options");
  const { signal, agent, task, turn, requestId, idempotencyKey, ...limits } = options;
  requireSignal(signal);
  for (const [name, text] of Object.entries({ requestId, idempotencyKey })) {
    if (text !== undefined && (typeof text !== "string" || text === ""))
      throw new TypeError(`call ${name} must be a text, got ${show(text)}`);
  }
  return { agent, task, turn, requestId, idempotencyKey, timeoutMs: compileCallTimeout(limits) };
}

/** @throws TypeError if it is no text */
export function requireToolName(name: unknown): void {
  if (typeof name !== "string") throw new TypeError(`the name of a tool must be a text, got ${show(name)}`);
}

/** Throws as {@link compileCallOptions} does. */
export function checkBatchCall(call: BatchCall): void {
  refuseUnknownKeys(call, BATCH_CALL_KEYS, "batch call");
  requireToolName(call.tool);
  compileCallOptions(call.options);
}
