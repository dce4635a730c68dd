import { deserialize, serialize } from "node:v8";
import type { Ending } from "../../call/ending.ts";
import { asThrown, errorInfo, withoutStop } from "../../call/error-info.ts";
import { digestOf } from "../../call/fingerprint.ts";
import type { Outcome } from "../../call/outcome.ts";
import { previewOf } from "../../call/preview.ts";
import { requireSignal } from "../../internal/require-signal.ts";
import { type InputValidator, isStandardSchema, standardValidator, type Validation } from "../../standard-schema.ts";
import type { Tool, ToolContext } from "../../tool.ts";
import { isGenerator, lastOf } from "../generator.ts";
import { cloneToBytes } from "../movable.ts";
import { describeTool, schemaOf, toolOf } from "./load-tool.ts";
import { type FromGuest, MAX_VALUE_BYTES, type ToGuest } from "./messages.ts";
import { SourceHooks } from "./source-hooks.ts";
import { StartedProcesses } from "./started-processes.ts";

/** The program of a Node worker: imports the modules it is told to, and runs one call at a time. */
interface Running {
  readonly callId: string;
  readonly controller: AbortController;
}

/** For what a body does when its signal fires: it closes a file, it rejects its promise. */
const LAST_TURNS_MS = 10;
const channel = process.send?.bind(process);
if (!channel) {
  process.stderr.write("endstop: this program is a worker; an engine starts it\n");
  process.exit(64);
}
const tools = new Map<string, Tool<never>>();
/** Of tools whose schema is code; the engine checks what is data before a call is sent here. */
const validators = new Map<string, InputValidator>();
const processes = new StartedProcesses();
const nestedCalls = new Map<number, PromiseWithResolvers<Outcome>>();
/** Imports come one after the other, so that the engine knows which of them hangs or ends the process. */
let loaded = Promise.resolve();
let running: Running | undefined;
let lastNested = 0;
let hooks: SourceHooks | undefined;

/** @param sent also called where the engine is gone; `disconnect` then ends this process */
function send(message: FromGuest, sent = (): void => {}): void {
  channel?.(message, undefined, undefined, sent);
}

async function load({ module, sources }: ToGuest & { type: "load" }): Promise<void> {
  try {
    if (sources !== null) hooks ??= new SourceHooks(sources);
    const imported = () => import(module);
    const tool = toolOf(await (hooks ? hooks.importWhole(imported) : imported()), module);
    const schema = schemaOf(tool);
    const description = describeTool(tool, schema);
    serialize(description); // a policy that cannot be sent is an error of the module, not of the channel
    tools.set(module, tool);
    if (schema && isStandardSchema(schema)) validators.set(module, standardValidator(schema));
    send({ type: "loaded", module, description, startedProcesses: processes.keep() });
  } catch (error) {
    send({ type: "load-failed", module, error: errorInfo(error) });
  }
}

async function run({ callId, path, module, input, outputBytes }: ToGuest & { type: "run" }): Promise<void> {
  const call: Running = { callId, controller: new AbortController() };
  running = call;
  const [ending, value] = await endingOf(
    call,
    path,
    module,
    input,
    Math.min(outputBytes ?? MAX_VALUE_BYTES, MAX_VALUE_BYTES),
  );
  if (running === call) running = undefined;
  process.off("SIGTERM", ignoreTerm);
  const left = processes.left();
  send({ type: "ended", callId, ending, ...(value ? { value } : {}), ...(left ? { left } : {}) });
}

async function endingOf(
  call: Running,
  path: readonly string[],
  module: string,
  bytes: Uint8Array,
  maxResultBytes: number,
): Promise<[Ending, Uint8Array?]> {
  const tool = tools.get(module);
  if (!tool) return [{ type: "load-failed", error: errorInfo(new Error(`${module} is not loaded`)) }];
  const validation = await validate(module, deserialize(bytes));
  if ("detail" in validation) return [{ type: "invalid", detail: validation.detail }];
  let value: unknown;
  try {
    value = await tool.run(validation.input as never, contextOf(call, path));
    if (isGenerator(value)) value = await lastOf(value, call.controller.signal);
  } catch (error) {
    return [{ type: "raised", error: errorInfo(error) }];
  }
  return returned(value, maxResultBytes);
}

async function validate(module: string, input: unknown): Promise<Validation> {
  const validator = validators.get(module);
  if (!validator) return { input };
  try {
    return await validator(input);
  } catch (error) {
    return { detail: `its schema failed with ${errorInfo(error).message}` };
  }
}

function returned(value: unknown, limitBytes: number): [Ending, Uint8Array?] {
  let bytes: Uint8Array;
  try {
    bytes = cloneToBytes(value, "result");
  } catch (error) {
    return [{ type: "cannot-move", detail: `its result cannot be cloned: ${withoutStop(error)}`, started: true }];
  }
  if (bytes.length > limitBytes) {
    return [{ type: "too-large", part: "result", observedBytes: bytes.length, limitBytes, started: true }];
  }
  return [{ type: "returned", digest: digestOf(value), preview: previewOf(value) }, bytes];
}

function contextOf({ callId, controller }: Running, path: readonly string[]): ToolContext {
  return {
    get signal() {
      outliveTerm();
      return controller.signal;
    },
    callId,
    path,
    call: (...nested) => callNested(callId, ...nested),
  };
}

const ignoreTerm = (): void => {};

/** A body that asked for its signal is to hear it: SIGTERM comes with the message that fires it. What does not hear it is killed 100 ms later. */
function outliveTerm(): void {
  if (!process.listeners("SIGTERM").includes(ignoreTerm)) process.on("SIGTERM", ignoreTerm);
}

/** Fires the body's signal, and ends this process once its listeners, and what follows from them at once, have run. */
function abort({ controller }: Running, reason: unknown): void {
  setTimeout(() => process.kill(0, "SIGKILL"), LAST_TURNS_MS);
  controller.abort(reason);
}

/** Rejects as `engine.call` does: for bad use, and here also for an input that cannot be cloned. */
async function callNested(callId: string, ...[tool, input, options = {}]: Parameters<ToolContext["call"]>) {
  const { signal, ...sent } = options;
  requireSignal(signal);
  const nested = ++lastNested;
  const answer = Promise.withResolvers<Outcome>();
  const message = { type: "call", callId, nested, tool, input: cloneToBytes(input, "input"), options: sent } as const;
  const onAbort = (): void => send({ type: "cancel-nested", callId, nested, reason: errorInfo(signal?.reason) });
  try {
    nestedCalls.set(nested, answer);
    send(message);
    if (signal?.aborted) onAbort();
    else signal?.addEventListener("abort", onAbort, { once: true });
    return await answer.promise;
  } finally {
    nestedCalls.delete(nested);
    signal?.removeEventListener("abort", onAbort);
  }
}

process.on("message", (message: ToGuest) => {
  switch (message.type) {
    case "load":
      loaded = loaded.then(() => load(message));
      return;
    case "run":
      return void run(message);
    case "abort":
      if (running?.callId === message.callId) {
        abort(running, asThrown(message.reason));
      }
      return;
    case "nested-outcome":
      return nestedCalls.get(message.nested)?.resolve(deserialize(message.outcome));
    case "nested-refused": {
      const { name, message: text } = message.error;
      const kind = name === "TypeError" ? TypeError : name === "RangeError" ? RangeError : Error;
      return nestedCalls.get(message.nested)?.reject(new kind(text));
    }
  }
});

/** The engine is gone: everything in this process group goes with it. */
process.on("disconnect", () => process.kill(0, "SIGKILL"));

/** What throws outside a body's own promise: a timer, an event. It is the running call's; else nobody hears of it but the log. */
process.on("uncaughtException", (thrown) => {
  const error = errorInfo(thrown);
  if (!running) process.stderr.write(`endstop: a worker ends after an error between calls: ${error.stack}\n`);
  send({ type: "broken", error }, () => process.exit(70));
});

// A tool that finds process.send takes itself for somebody's child and writes into our channel.
Object.defineProperty(process, "send", { value: undefined, configurable: true });
send({ type: "ready" });
