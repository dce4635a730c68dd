import { AsyncResource } from "node:async_hooks";
import { attemptTimeoutMs, type Call } from "../call/call.ts";
import type { CancelledBody, Ending } from "../call/ending.ts";
import { errorInfo } from "../call/error-info.ts";
import type { Outcome } from "../call/outcome.ts";
import { timeoutAfterWait, waitLeftMs } from "../call-request.ts";
import type { EngineCore } from "../core.ts";
import type { Clock, Timer } from "../internal/clock.ts";
import { LazyAbort } from "../internal/lazy-abort.ts";
import { quotasOf } from "../policy/quotas.ts";
import type { Validation } from "../standard-schema.ts";
import type { BodyCall, PlacedTool } from "./body.ts";

/** Why a call is cancelled: for its outcome, and the reason with which its body's signal fires. */
export interface CancelReason {
  readonly detail: string;
  readonly reason: unknown;
}

export function cancelReason(detail: string): CancelReason {
  return { detail, reason: new DOMException(detail, "AbortError") };
}

/** Carries an admitted call out: checks the input, has the body run where its tool says, listens for the caller's cancel. */
export class PlacedCall {
  readonly #call: Call;
  readonly #tool: PlacedTool;
  readonly #core: EngineCore;
  readonly #clock: Clock;
  readonly #callerSignal: AbortSignal | undefined;
  readonly #controller = new LazyAbort();
  /** The asynchronous context of its caller: whatever starts the body (a permit, a timer, another call's end) has a context of somebody else. */
  readonly #caller = new AsyncResource("EndstopCall");
  /** Calls that its body has made: they end with it. */
  readonly #nested = new Set<PlacedCall>();
  readonly #parent: PlacedCall | undefined;
  /** Its body was asked to stop, and has until then to do it. */
  #grace: { readonly why: CancelReason; readonly timer: Timer } | undefined;
  #schemaTimer: Timer | undefined;
  /** The attempt that was begun last. */
  #body: BodyCall | undefined;
  readonly #onAbort = (): void => this.cancel(callerFired(this.#callerSignal?.reason));

  /** @param parent the call whose body made it: it ends with that one */
  constructor(
    call: Call,
    tool: PlacedTool,
    core: EngineCore,
    clock: Clock,
    callerSignal: AbortSignal | undefined,
    parent: PlacedCall | undefined,
  ) {
    this.#clock = clock;
    this.#call = call;
    this.#tool = tool;
    this.#core = core;
    this.#callerSignal = callerSignal;
    this.#parent = parent;
    if (parent) parent.#nested.add(this);
  }

  /**
   * @param enter runs a function inside this call's place in the call tree
   * @param callNested what the body's `context.call` does
   */
  begin(input: unknown, enter: BodyCall["enter"], callNested: BodyCall["callNested"]): void {
    if (this.#callerSignal?.aborted) return this.#onAbort();
    this.#callerSignal?.addEventListener("abort", this.#onAbort, { once: true });
    const proceed = (validation: Validation): void => {
      this.#schemaTimer?.cancel();
      if ("detail" in validation) this.refuse(validation.detail);
      else this.#run(validation.input, enter, callNested);
    };
    const schemaFailed = (error: unknown): void => this.refuse(`its schema failed with ${errorInfo(error).message}`);
    let validation: Validation | Promise<Validation>;
    try {
      validation = this.#tool.validate(input);
    } catch (error) {
      return schemaFailed(error);
    }
    if (!(validation instanceof Promise)) return proceed(validation);
    this.#boundSchema();
    validation.then(proceed, schemaFailed);
  }

  /** Has the body of no call begun: its input is at fault. */
  refuse(detail: string): void {
    this.#core.end(this.#call, undefined, { type: "invalid", detail });
  }

  /**
   * Has the body stopped, with the calls that it made, and gives the caller its outcome: at once, unless it is a body on the host, which has the
   * grace to say how it ended.
   *
   * @param graceMs default: what the call's policy says
   */
  cancel(why: CancelReason, graceMs = this.#call.policy?.cancelGraceMs ?? 0): void {
    if (this.#grace || this.#call.state.type === "settled") return;
    this.#endNested(why.reason, graceMs);
    const end = (body: CancelledBody): void => this.#core.end(this.#call, undefined, cancelled(why, body));
    if (this.#call.state.type !== "running") end("not-started");
    else if (this.#tool.runner.canKill) end("stopped");
    else if (graceMs === 0) end("effect-unknown");
    else this.#grace = { why, timer: this.#clock.setTimer(graceMs, () => end("effect-unknown")) };
    this.#abort(why.reason);
  }

  /** The call has its outcome: nobody listens for the caller's cancel any more, and what its body has called ends. */
  release({ status }: Outcome): void {
    this.#grace?.timer.cancel();
    this.#schemaTimer?.cancel();
    this.#body?.settled?.();
    this.#callerSignal?.removeEventListener("abort", this.#onAbort);
    if (this.#parent) this.#parent.#nested.delete(this);
    if (this.#nested.size === 0) return; // an exception has a stack, which costs
    const name = status === "timed-out" ? "TimeoutError" : "AbortError";
    this.#endNested(this.#controller.reason ?? new DOMException(PARENT_ENDED, name));
  }

  #endNested(reason: unknown, graceMs?: number): void {
    for (const nested of [...this.#nested]) nested.cancel({ detail: PARENT_ENDED, reason }, graceMs);
  }

  /** A body's listeners are part of it: they run in its caller's context, whoever cancels. */
  #abort(reason: unknown): void {
    this.#caller.runInAsyncScope(() => this.#controller.abort(reason));
  }

  /** A schema may wait for others: for no longer than the call may wait, or its body may take. */
  #boundSchema(): void {
    const { timeoutMs, policy } = this.#call;
    const limitMs = Math.min(timeoutMs ?? Number.POSITIVE_INFINITY, policy?.waitTimeoutMs ?? Number.POSITIVE_INFINITY);
    if (limitMs === Number.POSITIVE_INFINITY) return;
    const sinceMs = this.#clock.now();
    this.#schemaTimer = this.#clock.setTimer(limitMs, () => {
      const waitedMs = this.#clock.now() - sinceMs;
      this.#core.end(this.#call, undefined, { type: "not-started", waitedMs, limitMs, waitedFor: "its schema" });
    });
  }

  /** Of a body that was asked to stop its ending is told, and its result is of no use any more. */
  #ended(attempt: number, ending: Ending, value: unknown): void {
    const why = this.#grace?.why;
    if (!why) return this.#core.end(this.#call, attempt, ending, value);
    const body = ending.type === "returned" ? "finished" : ending.type === "raised" ? "stopped" : "effect-unknown";
    this.#core.end(this.#call, attempt, cancelled(why, body));
  }

  #run(input: unknown, enter: BodyCall["enter"], callNested: BodyCall["callNested"]): void {
    const start = (): void => this.#start(input, enter, callNested);
    this.#core.claim(this.#call, () => this.#caller.runInAsyncScope(start));
  }

  #start(input: unknown, enter: BodyCall["enter"], callNested: BodyCall["callNested"]): void {
    const { state, id: callId, path } = this.#call;
    if (state.type !== "admitted") return;
    if (this.#callerSignal?.aborted) return this.#onAbort();
    const controller = this.#controller;
    this.#body = {
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
      get signal() {
        return controller.signal;
      },
      abort: (reason) => this.#abort(reason),
      start: () => this.#core.start(this.#call) !== undefined,
      ended: (ending, value) => this.#ended(state.attempt, ending, value),
      enter,
      inCallersContext: (body) => this.#caller.runInAsyncScope(body),
      callNested,
    };
    this.#tool.runner.begin(this.#body);
  }
}

export const PARENT_ENDED = "the call whose body made this one has ended";

function cancelled({ detail, reason }: CancelReason, body: CancelledBody): Ending {
  return { type: "cancelled", detail, body, error: errorInfo(reason) };
}

/** @param reason that of the caller's signal; Node's own says nothing */
function callerFired(reason: unknown): CancelReason {
  const { name, message } = errorInfo(reason);
  const said = name === "AbortError" ? "" : ` with ${name}: ${message}`;
  return { detail: `the caller's signal fired${said}`, reason };
}
