import { AsyncLocalStorage } from "node:async_hooks";
import { Socket } from "node:net";
import type { Ending } from "../../call/ending.ts";
import { asThrown, errorInfo, withoutStop } from "../../call/error-info.ts";
import { digestOf } from "../../call/fingerprint.ts";
import { heed } from "../../call/heed.ts";
import type { ErrorInfo, Outcome } from "../../call/outcome.ts";
import { previewOf } from "../../call/preview.ts";
import { toldEnding, toldError } from "../../call/told-ending.ts";
import {
  type InputValidator,
  isStandardSchema,
  standardValidator,
  type Validation,
} from "../../tool/standard-schema.ts";
import type { Tool, ToolContext } from "../../tool/tool.ts";
import { Channel } from "../../transport/channel.ts";
import { FRAME_LIMITS, type Frame } from "../../transport/frames.ts";
import { requireObject } from "../../util/named-values.ts";
import { requireSignal } from "../../util/require-signal.ts";
import { isGenerator, lastOf } from "../generator.ts";
import { cloneToBytes, fromBytes } from "../movable.ts";
import { toFrame } from "./from-guest.ts";
import { describeTool, schemaOf, toolOf } from "./load-tool.ts";
import { CHANNEL_DESCRIPTOR, type FromGuest, MAX_VALUE_BYTES, type ToGuest } from "./messages.ts";
import { SourceHooks } from "./source-hooks.ts";
import { StartedProcesses } from "./started-processes.ts";

/** The program of a Node worker: imports the modules it is told to, and runs one call at a time. */
interface Running {
  readonly callId: string;
  readonly nonce: string;
  readonly controller: AbortController;
}

/** For what a body does when its signal fires: it closes a file, it rejects its promise. */
const LAST_TURNS_MS = 10;
const READ_BYTES = 64 * 1_024;
const pipe = openPipe();
/** The engine is gone: everything in this process group goes with it. */
const closed = (): void => void process.kill(0, "SIGKILL");
const channel: Channel = new Channel(pipe, pipe, { frame: (frame) => heard(frame), closed }, FRAME_LIMITS, false);
/** Whose body something belongs to, also what it has left behind: a timer, a promise. */
const current = new AsyncLocalStorage<Running>();
const tools = new Map<string, Tool<never>>();
/** Of tools whose schema is code; the engine checks what is data before a call is sent here. */
const validators = new Map<string, InputValidator>();
const processes = new StartedProcesses();
const nestedCalls = new Map<number, PromiseWithResolvers<Outcome>>();
/** Imports come one after the other, so that the engine knows which of them hangs or ends the process. */
let loaded = Promise.resolve();
let running: Running | undefined;
/** What an ended call has left behind has thrown: this process ends with the call that runs. */
let isBroken = false;
let lastNested = 0;
let hooks: SourceHooks | undefined;

/** With one buffer for all reads: by default each has 64 kB of its own, most of which it gives back. */
function openPipe(): Socket {
  const callback = (bytes: number, buffer: Uint8Array): boolean => {
    channel.receive(Buffer.from(buffer.subarray(0, bytes)));
    return true;
  };
  try {
    return new Socket({ fd: CHANNEL_DESCRIPTOR, onread: { buffer: Buffer.allocUnsafe(READ_BYTES), callback } });
  } catch {
    process.stderr.write("endstop: this program is a worker; an engine starts it\n");
    process.exit(64);
  }
}

function send(message: FromGuest): void {
  channel.send(...toFrame(message));
}

/** An error, as large as the engine takes it. */
function boundedInfo(thrown: unknown): ErrorInfo {
  const info = errorInfo(thrown);
  return toldError(info) ?? info;
}

async function load({ module, sources }: ToGuest & { type: "load" }): Promise<void> {
  try {
    if (sources !== null) hooks ??= new SourceHooks(sources);
    const imported = () => import(module);
    const tool = toolOf(await (hooks ? hooks.importWhole(imported) : imported()), module);
    const schema = schemaOf(tool);
    const description = describeTool(tool, schema);
    tools.set(module, tool);
    if (schema && isStandardSchema(schema)) validators.set(module, standardValidator(schema));
    // A policy that cannot be sent is an error of the module: this throws it.
    send({ type: "loaded", module, description, startedProcesses: processes.keep() });
  } catch (error) {
    send({ type: "load-failed", module, error: boundedInfo(error) });
  }
}

async function run(message: ToGuest & { type: "run" }, input: Uint8Array): Promise<void> {
  const { callId, nonce, path, module, outputBytes } = message;
  const call: Running = { callId, nonce, controller: new AbortController() };
  running = call;
  const limitBytes = Math.min(outputBytes ?? MAX_VALUE_BYTES, MAX_VALUE_BYTES);
  const [ending, value] = await current.run(call, () => endingOf(call, path, module, input, limitBytes));
  if (running === call) running = undefined;
  if (outlivesTerm) process.off("SIGTERM", ignoreTerm);
  outlivesTerm = false;
  const left = isBroken ? "some" : processes.left();
  send({ type: "ended", nonce, ending: toldEnding(ending) ?? ending, value, left });
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
  const given = fromBytes(bytes);
  const validator = validators.get(module);
  const validation = validator ? await validate(validator, given) : { input: given };
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

async function validate(validator: InputValidator, input: unknown): Promise<Validation> {
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
    heed(value);
    return [{ type: "cannot-move", detail: `its result cannot be cloned: ${withoutStop(error)}`, started: true }];
  }
  if (bytes.length > limitBytes) {
    return [{ type: "too-large", part: "result", observedBytes: bytes.length, limitBytes, started: true }];
  }
  return [{ type: "returned", digest: digestOf(value), preview: previewOf(value) }, bytes];
}

function contextOf({ callId, nonce, controller }: Running, path: readonly string[]): ToolContext {
  return {
    get signal() {
      outliveTerm();
      return controller.signal;
    },
    callId,
    path,
    call: (...nested) => callNested(nonce, ...nested),
  };
}

const ignoreTerm = (): void => {};
let outlivesTerm = false;

/** A body that asked for its signal is to hear it: SIGTERM comes with the message that fires it. What does not hear it is killed 100 ms later. */
function outliveTerm(): void {
  if (!process.listeners("SIGTERM").includes(ignoreTerm)) process.on("SIGTERM", ignoreTerm);
  outlivesTerm = true;
}

/** Fires the body's signal, and ends this process once its listeners, and what follows from them at once, have run. */
function abort({ controller }: Running, reason: unknown): void {
  setTimeout(() => process.kill(0, "SIGKILL"), LAST_TURNS_MS);
  controller.abort(reason);
}

/** Rejects as `engine.call` does: for bad use, and here also for an input that cannot be cloned. */
async function callNested(nonce: string, ...[tool, input, options = {}]: Parameters<ToolContext["call"]>) {
  requireObject(options, "call options");
  const { signal, ...sent } = options;
  requireSignal(signal);
  const nested = ++lastNested;
  const answer = Promise.withResolvers<Outcome>();
  const message = { type: "call", nonce, nested, tool, input: cloneToBytes(input, "input"), options: sent } as const;
  const onAbort = (): void => send({ type: "cancel-nested", nonce, nested, reason: boundedInfo(signal?.reason) });
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

function heard({ header, body }: Frame): void {
  const message = header as ToGuest;
  switch (message.type) {
    case "load":
      loaded = loaded.then(() => load(message));
      return;
    case "run":
      return void run(message, body);
    case "abort":
      if (running?.callId === message.callId) {
        abort(running, asThrown(message.reason));
      }
      return;
    case "nested-outcome":
      return nestedCalls.get(message.nested)?.resolve(fromBytes(body) as Outcome);
    case "nested-refused": {
      const { name, message: text } = message.error;
      const kind = name === "TypeError" ? TypeError : name === "RangeError" ? RangeError : Error;
      return nestedCalls.get(message.nested)?.reject(new kind(text));
    }
  }
}

/** What throws outside a body's own promise: a timer, an event. It is its own call's; where that has ended, nobody hears of it but the log. */
process.on("uncaughtException", (thrown) => {
  const error = boundedInfo(thrown);
  const owner = current.getStore();
  if (running && owner && owner !== running) {
    process.stderr.write(`endstop: call ${owner.callId} has ended, and what it left behind failed: ${error.stack}\n`);
    isBroken = true;
    return;
  }
  if (!running) process.stderr.write(`endstop: a worker ends after an error between calls: ${error.stack}\n`);
  send({ type: "broken", error });
  pipe.write("", () => process.exit(70)); // once that has been sent
});

send({ type: "ready" });
