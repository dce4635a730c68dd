import { optionNames } from "../policy/compile-options.ts";
import { compileCallTimeout } from "../policy/policy.ts";
import type { BatchCall, CallOptions } from "../tool/tool.ts";
import { show } from "../util/duration.ts";
import { readOptions } from "../util/nearest.ts";
import { requireSignal } from "../util/require-signal.ts";
import type { CallRequest } from "./call-request.ts";

const CALL_KEYS = ["signal", "agent", "task", "turn", "requestId", "idempotencyKey", ...optionNames("call")];
const BATCH_CALL_KEYS = ["tool", "input", "options", "name", "after", "afterFailure"];

export type CompiledCallOptions = Pick<
  CallRequest,
  "agent" | "task" | "turn" | "requestId" | "idempotencyKey" | "timeoutMs"
> &
  Pick<CallOptions, "signal">;

const NO_OPTIONS: CompiledCallOptions = Object.freeze({
  signal: undefined,
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
  const read = readOptions(options, CALL_KEYS, "call options");
  const { signal, agent, task, turn, requestId, idempotencyKey, ...limits } = read;
  requireSignal(signal);
  const texts = { agent, task, turn, requestId, idempotencyKey };
  for (const [name, text] of Object.entries(texts)) {
    if (text !== undefined) requireText(text, `call ${name}`);
    if (text === "" && (name === "requestId" || name === "idempotencyKey"))
      throw new TypeError(`call ${name} must not be empty`);
  }
  return { signal, ...texts, timeoutMs: compileCallTimeout(limits) };
}

/** @throws TypeError if it is no text */
export function requireToolName(name: unknown): void {
  requireText(name, "the name of a tool");
}

/** @throws TypeError if it is no text */
export function requireText(text: unknown, what: string): void {
  if (typeof text !== "string") throw new TypeError(`${what} must be a text, got ${show(text)}`);
}

/** A copy of one call of a batch, which its caller may change while it waits. Throws as {@link compileCallOptions} does. */
export function readBatchCall(call: BatchCall): BatchCall {
  const read = { ...readOptions(call, BATCH_CALL_KEYS, "batch call") };
  requireToolName(read.tool);
  if (read.options === undefined) return read;
  const options = { ...readOptions(read.options, CALL_KEYS, "call options") };
  compileCallOptions(options);
  return { ...read, options };
}
