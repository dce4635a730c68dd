import type { Call } from "../../call/call.ts";
import { errorInfo } from "../../call/error-info.ts";
import type { EngineCore } from "../../core.ts";
import type { InputValidator, Validation } from "../../input-schema.ts";
import type { Clock } from "../../internal/clock.ts";
import type { ToolContext } from "../../tool.ts";
import { runHostBody } from "./host-body.ts";

/** A tool whose body is a function of this process. */
export interface HostTool {
  readonly validate: InputValidator;
  run(input: unknown, context: ToolContext): unknown;
}

/** Carries an admitted call out in this process: checks the input, runs the body, listens for the caller's cancel. */
export class HostCall {
  readonly #call: Call;
  readonly #tool: HostTool;
  readonly #core: EngineCore;
  readonly #clock: Clock;
  readonly #callerSignal: AbortSignal | undefined;
  readonly #controller = new AbortController();
  readonly #onAbort = (): void => this.cancel("the caller's signal fired");

  constructor(call: Call, tool: HostTool, core: EngineCore, clock: Clock, callerSignal: AbortSignal | undefined) {
    this.#call = call;
    this.#tool = tool;
    this.#core = core;
    this.#clock = clock;
    this.#callerSignal = callerSignal;
  }

  /**
   * @param enter runs a function inside this call's place in the call tree
   * @param callNested what the body's `context.call` does
   */
  begin(input: unknown, enter: <T>(body: () => T) => T, callNested: ToolContext["call"]): void {
    if (this.#callerSignal?.aborted) return this.#onAbort();
    this.#callerSignal?.addEventListener("abort", this.#onAbort, { once: true });
    const proceed = (validation: Validation): void => {
      if ("detail" in validation) this.#refuse(validation.detail);
      else this.#run(validation.input, enter, callNested);
    };
    const schemaFailed = (error: unknown): void => this.#refuse(`its schema failed with ${errorInfo(error).message}`);
    try {
      const validation = this.#tool.validate(input);
      if (validation instanceof Promise) validation.then(proceed, schemaFailed);
      else proceed(validation);
    } catch (error) {
      schemaFailed(error);
    }
  }

  /** Gives the caller its outcome now, and asks the body to stop. */
  cancel(detail: string): void {
    const started = this.#call.state.type === "running";
    const known = started ? "its body was asked to stop and may have had effects" : "its body was not started";
    this.#stopListening();
    this.#core.end(this.#call, undefined, { type: "cancelled", detail: `${detail}: ${known}`, started });
    this.#controller.abort(new DOMException(detail, "AbortError"));
  }

  #run(input: unknown, enter: <T>(body: () => T) => T, callNested: ToolContext["call"]): void {
    const attempt = this.#core.start(this.#call);
    if (attempt === undefined) return; // cancelled while its input was checked
    const { id: callId, path, timeoutMs } = this.#call;
    const context: ToolContext = {
      signal: this.#controller.signal,
      callId,
      path,
      call: (...nested) => enter(() => callNested(...nested)),
    };
    const controller = this.#controller;
    const run = (): unknown => enter(() => this.#tool.run(input, context));
    const ended: Parameters<typeof runHostBody>[0]["ended"] = (ending, value) => {
      this.#stopListening();
      this.#core.end(this.#call, attempt, ending, value);
    };
    runHostBody({ timeoutMs, controller, run, ended }, this.#clock);
  }

  #refuse(detail: string): void {
    this.#stopListening();
    this.#core.end(this.#call, undefined, { type: "invalid", detail });
  }

  #stopListening(): void {
    this.#callerSignal?.removeEventListener("abort", this.#onAbort);
  }
}
