import type { Call } from "../call/call.ts";
import { errorInfo } from "../call/error-info.ts";
import type { EngineCore } from "../core.ts";
import { quotasOf } from "../policy/quotas.ts";
import type { Validation } from "../standard-schema.ts";
import type { BodyCall, PlacedTool } from "./body.ts";

/** Carries an admitted call out: checks the input, has the body run where its tool says, listens for the caller's cancel. */
export class PlacedCall {
  readonly #call: Call;
  readonly #tool: PlacedTool;
  readonly #core: EngineCore;
  readonly #callerSignal: AbortSignal | undefined;
  readonly #controller = new AbortController();
  readonly #onAbort = (): void => this.cancel("the caller's signal fired");

  constructor(call: Call, tool: PlacedTool, core: EngineCore, callerSignal: AbortSignal | undefined) {
    this.#call = call;
    this.#tool = tool;
    this.#core = core;
    this.#callerSignal = callerSignal;
  }

  /**
   * @param enter runs a function inside this call's place in the call tree
   * @param callNested what the body's `context.call` does
   */
  begin(input: unknown, enter: BodyCall["enter"], callNested: BodyCall["callNested"]): void {
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

  /** Gives the caller its outcome now, and has the body stopped. */
  cancel(detail: string): void {
    const started = this.#call.state.type === "running";
    const known = started ? this.#tool.runner.whenCancelled : "its body was not started";
    this.#core.end(this.#call, undefined, { type: "cancelled", detail: `${detail}: ${known}`, started });
    this.#controller.abort(new DOMException(detail, "AbortError"));
  }

  #run(input: unknown, enter: BodyCall["enter"], callNested: BodyCall["callNested"]): void {
    this.#core.claim(this.#call, () => this.#start(input, enter, callNested));
  }

  #start(input: unknown, enter: BodyCall["enter"], callNested: BodyCall["callNested"]): void {
    const { state, id: callId, path, timeoutMs } = this.#call;
    if (state.type !== "admitted") return;
    this.#tool.runner.begin({
      callId,
      path,
      timeoutMs,
      quotas: quotasOf(this.#call.policy),
      input,
      controller: this.#controller,
      start: () => this.#core.start(this.#call) !== undefined,
      ended: (ending, value) => this.#core.end(this.#call, state.attempt, ending, value),
      enter,
      callNested,
    });
  }

  #refuse(detail: string): void {
    this.#core.end(this.#call, undefined, { type: "invalid", detail });
  }

  /** The call has its outcome: nobody listens for the caller's cancel any more. */
  release(): void {
    this.#callerSignal?.removeEventListener("abort", this.#onAbort);
  }
}
