import { AsyncResource } from "node:async_hooks";
import type { Ending } from "../call/ending.ts";
import { errorInfo } from "../call/error-info.ts";
import type { CancelledBody, Outcome } from "../call/outcome.ts";
import type { EngineCore } from "../pipeline/core.ts";
import type { Call } from "../state/call.ts";
import type { Run } from "../state/run.ts";
import type { Validation } from "../tool/standard-schema.ts";
import type { ToolContext } from "../tool/tool.ts";
import type { Clock, Timer } from "../util/clock.ts";
import { Attempt } from "./attempt.ts";
import type { PlacedTool } from "./body.ts";

/** The TypeScript door, as its calls need it. */
export interface Door {
  readonly core: EngineCore;
  readonly clock: Clock;
  /** Runs a function in the place of a call in the call tree. */
  enter<T>(placed: PlacedCall, body: () => T): T;
  /** Calls a tool as part of the tree of whoever asks. */
  call(run: Run | undefined, ...call: Parameters<ToolContext["call"]>): ReturnType<ToolContext["call"]>;
}

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
  readonly call: Call;
  /** The call whose body made it: it ends with that one. */
  readonly parent: PlacedCall | undefined;
  readonly #tool: PlacedTool;
  readonly #door: Door;
  readonly #callerSignal: AbortSignal | undefined;
  readonly #controller = new AbortController();
  /** The asynchronous context of its caller: whatever starts the body (a permit, a timer, another call's end) has a context of somebody else. */
  readonly #caller = new AsyncResource("EndstopCall");
  /** Calls that its body has made: they end with it. Most make none. */
  #nested: Set<PlacedCall> | undefined;
  /** Its body was asked to stop, and has until then to do it. */
  #grace: { readonly why: CancelReason; readonly timer: Timer } | undefined;
  #schemaTimer: Timer | undefined;
  /** The attempt that was begun last. */
  #body: Attempt | undefined;
  #onAbort: (() => void) | undefined;

  constructor(
    call: Call,
    tool: PlacedTool,
    door: Door,
    callerSignal: AbortSignal | undefined,
    parent: PlacedCall | undefined,
  ) {
    this.call = call;
    this.#tool = tool;
    this.#door = door;
    this.#callerSignal = callerSignal;
    this.parent = parent;
    if (!parent) return;
    parent.#nested ??= new Set();
    parent.#nested.add(this);
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  begin(input: unknown): void {
    if (this.#callerSignal?.aborted) return this.#callerFired();
    if (this.#callerSignal) {
      this.#onAbort = () => this.#callerFired();
      this.#callerSignal.addEventListener("abort", this.#onAbort, { once: true });
    }
    let validation: Validation | Promise<Validation>;
    try {
      validation = this.#tool.validate(input);
    } catch (error) {
      return this.#schemaFailed(error);
    }
    if (!(validation instanceof Promise)) return this.#proceed(validation);
    this.#boundSchema();
    validation.then(
      (late) => this.#proceed(late),
      (error: unknown) => this.#schemaFailed(error),
    );
  }

  /** Has the body of no call begun: its input is at fault. */
  refuse(detail: string): void {
    this.#door.core.end(this.call, undefined, { type: "invalid", detail });
  }

  /**
   * Has the body stopped, with the calls that it made, and gives the caller its outcome: at once, unless it is a body on the host, which has the
   * grace to say how it ended.
   *
   * @param graceMs default: what the call's policy says
   */
  cancel(why: CancelReason, graceMs = this.call.policy?.cancelGraceMs ?? 0): void {
    if (this.#grace || this.call.state.type === "settled") return;
    this.#endNested(why.reason, graceMs);
    const end = (body: CancelledBody): void => this.#door.core.end(this.call, undefined, cancelled(why, body));
    if (this.call.state.type !== "running") end("not-started");
    else if (this.#tool.runner.canKill) end("stopped");
    else if (graceMs === 0) end("effect-unknown");
    else this.#grace = { why, timer: this.#door.clock.setTimer(graceMs, () => end("effect-unknown")) };
    this.abort(why.reason);
  }

  /** The call has its outcome: nobody listens for the caller's cancel any more, and what its body has called ends. */
  release({ status }: Outcome): void {
    this.#grace?.timer.cancel();
    this.#schemaTimer?.cancel();
    this.#body?.listener?.settled();
    if (this.#onAbort) this.#callerSignal?.removeEventListener("abort", this.#onAbort);
    if (this.parent) this.parent.#nested?.delete(this);
    if (!this.#nested?.size) return; // an exception has a stack, which costs
    const name = status === "timed-out" ? "TimeoutError" : "AbortError";
    this.#endNested(this.#controller.signal.reason ?? new DOMException(PARENT_ENDED, name));
  }

  #endNested(reason: unknown, graceMs?: number): void {
    for (const nested of [...(this.#nested ?? [])]) nested.cancel({ detail: PARENT_ENDED, reason }, graceMs);
  }

  /** For its attempts. A body's listeners are part of it: they run in its caller's context, whoever cancels. */
  abort(reason: unknown): void {
    this.#caller.runInAsyncScope(() => this.#controller.abort(reason));
  }

  /** A schema may wait for others: for no longer than the call may wait, or its body may take. */
  #boundSchema(): void {
    const { timeoutMs, policy } = this.call;
    const limitMs = Math.min(timeoutMs ?? Number.POSITIVE_INFINITY, policy?.waitTimeoutMs ?? Number.POSITIVE_INFINITY);
    if (limitMs === Number.POSITIVE_INFINITY) return;
    const sinceMs = this.#door.clock.now();
    this.#schemaTimer = this.#door.clock.setTimer(limitMs, () => {
      const waitedMs = this.#door.clock.now() - sinceMs;
      this.#door.core.end(this.call, undefined, { type: "not-started", waitedMs, limitMs, waitedFor: "its schema" });
    });
  }

  inCallersContext<T>(body: () => T): T {
    return this.#caller.runInAsyncScope(body);
  }

  /** Of a body that was asked to stop its ending is told, and its result is of no use any more. */
  ended(attempt: number, ending: Ending, value: unknown): void {
    const why = this.#grace?.why;
    if (!why) return this.#door.core.end(this.call, attempt, ending, value);
    const body = ending.type === "returned" ? "finished" : ending.type === "raised" ? "stopped" : "effect-unknown";
    this.#door.core.end(this.call, attempt, cancelled(why, body));
  }

  #proceed(validation: Validation): void {
    this.#schemaTimer?.cancel();
    if ("detail" in validation) return this.refuse(validation.detail);
    const { input } = validation;
    let isAtOnce = true;
    this.#door.core.claim(this.call, () => {
      if (isAtOnce) this.#start(input);
      else this.#caller.runInAsyncScope(() => this.#start(input));
    });
    isAtOnce = false;
  }

  #callerFired(): void {
    this.cancel(callerFired(this.#callerSignal?.reason));
  }

  #schemaFailed(error: unknown): void {
    this.refuse(`its schema failed with ${errorInfo(error).message}`);
  }

  #start(input: unknown): void {
    const { state } = this.call;
    if (state.type !== "admitted") return;
    if (this.#callerSignal?.aborted) return this.#callerFired();
    this.#body = new Attempt(this, this.#door, state.attempt, input);
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
