import { attemptTimeoutMs, type Call } from "../call/call.ts";
import type { CancelledBody, Ending } from "../call/ending.ts";
import { errorInfo } from "../call/error-info.ts";
import { timeoutAfterWait, waitLeftMs } from "../call-request.ts";
import type { EngineCore } from "../core.ts";
import type { Clock, Timer } from "../internal/clock.ts";
import { quotasOf } from "../policy/quotas.ts";
import type { Validation } from "../standard-schema.ts";
import type { BodyCall, PlacedTool } from "./body.ts";

/** Carries an admitted call out: checks the input, has the body run where its tool says, listens for the caller's cancel. */
export class PlacedCall {
  readonly #call: Call;
  readonly #tool: PlacedTool;
  readonly #core: EngineCore;
  readonly #clock: Clock;
  readonly #callerSignal: AbortSignal | undefined;
  readonly #controller = new AbortController();
  /** Its body was asked to stop, and has until then to do it. */
  #grace: { readonly detail: string; readonly timer: Timer } | undefined;
  readonly #onAbort = (): void => this.cancel("the caller's signal fired");

  constructor(call: Call, tool: PlacedTool, core: EngineCore, clock: Clock, callerSignal: AbortSignal | undefined) {
    this.#clock = clock;
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

  /**
   * Has the body stopped, and gives the caller its outcome: at once, unless it is a body on the host, which has the grace to say how it ended.
   *
   * @param graceMs default: what the call's policy says
   */
  cancel(detail: string, graceMs = this.#call.policy?.cancelGraceMs ?? 0): void {
    if (this.#grace) return;
    const end = (body: CancelledBody): void =>
      this.#core.end(this.#call, undefined, { type: "cancelled", detail, body });
    if (this.#call.state.type !== "running") end("not-started");
    else if (this.#tool.runner.canKill) end("stopped");
    else if (graceMs === 0) end("effect-unknown");
    else this.#grace = { detail, timer: this.#clock.setTimer(graceMs, () => end("effect-unknown")) };
    this.#controller.abort(new DOMException(detail, "AbortError"));
  }

  /** Of a body that was asked to stop its ending is told, and its result is of no use any more. */
  #ended(attempt: number, ending: Ending, value: unknown): void {
    const detail = this.#grace?.detail;
    if (detail === undefined) return this.#core.end(this.#call, attempt, ending, value);
    const body = ending.type === "returned" ? "finished" : ending.type === "raised" ? "stopped" : "effect-unknown";
    this.#core.end(this.#call, attempt, { type: "cancelled", detail, body });
  }

  #run(input: unknown, enter: BodyCall["enter"], callNested: BodyCall["callNested"]): void {
    this.#core.claim(this.#call, () => this.#start(input, enter, callNested));
  }

  #start(input: unknown, enter: BodyCall["enter"], callNested: BodyCall["callNested"]): void {
    const { state, id: callId, path } = this.#call;
    if (state.type !== "admitted") return;
    if (this.#callerSignal?.aborted) return this.#onAbort();
    this.#tool.runner.begin({
      callId,
      path,
      waitMs: () => waitLeftMs(this.#call, this.#clock.now()),
      timeoutMs: () => {
        const nowMs = this.#clock.now();
        this.#call.timeoutMs = timeoutAfterWait(this.#call, nowMs);
        return attemptTimeoutMs(this.#call, nowMs);
      },
      waits: () => this.#core.waitsForWorker(this.#call),
      quotas: quotasOf(this.#call.policy),
      input,
      controller: this.#controller,
      start: () => this.#core.start(this.#call) !== undefined,
      ended: (ending, value) => this.#ended(state.attempt, ending, value),
      enter,
      callNested,
    });
  }

  #refuse(detail: string): void {
    this.#core.end(this.#call, undefined, { type: "invalid", detail });
  }

  /** The call has its outcome: nobody listens for the caller's cancel any more. */
  release(): void {
    this.#grace?.timer.cancel();
    this.#callerSignal?.removeEventListener("abort", this.#onAbort);
  }
}
