import { admit } from "./admission/admission.ts";
import { acceptsEnding, type Call, type CallEvent, type Reservation, transition } from "./call/call.ts";
import type { Code } from "./call/codes.generated.ts";
import { describeEnding, type FailureFigures, failureOutcome } from "./call/describe.ts";
import type { Ending } from "./call/ending.ts";
import type { CallFacts, Outcome } from "./call/outcome.ts";
import type { Clock } from "./internal/clock.ts";
import { suggestNames } from "./internal/nearest.ts";
import type { EngineLimits } from "./policy/engine-options.ts";
import { compilePolicy, type Policy, type PolicyOptions } from "./policy/policy.ts";
import type { Run } from "./run/run.ts";
import { Usage } from "./run/usage.ts";

/** What a door knows of a call when it submits it. */
export interface CallRequest {
  readonly tool: string;
  readonly fingerprint: string | null;
  readonly run?: Run | undefined;
  /** The call whose body makes this one. */
  readonly parent?: Call | undefined;
  readonly agent?: string | undefined;
  readonly task?: string | undefined;
  /** Overrides the tool's timeout; null is no deadline. */
  readonly timeoutMs?: number | null | undefined;
  /** The caller itself ends by then: the smaller of it and the timeout holds. */
  readonly withinMs?: number | undefined;
  /** Somebody is stepping through the body: it runs on the host and has no deadline. */
  readonly debug?: boolean | undefined;
}

/** Told once for each call, when it has its outcome. */
export type SettledListener = (outcome: Outcome, call: Call) => void;

interface Live {
  readonly settled: SettledListener;
  readonly reservation: Reservation | undefined;
}

/**
 * What both doors share: the tools' policies, admission, and the life of every call. It starts no body itself: a door
 * does, and reports the ending.
 */
export class EngineCore {
  readonly #clock: Clock;
  readonly #limits: EngineLimits;
  readonly #policies = new Map<string, Policy>();
  readonly #usage = new Usage();
  readonly #live = new Map<Call, Live>();
  readonly #idPrefix: string;
  #lastCall = 0;

  /** @param idPrefix makes call ids unique among engines */
  constructor(limits: EngineLimits, clock: Clock, idPrefix: string) {
    this.#limits = limits;
    this.#clock = clock;
    this.#idPrefix = idPrefix;
  }

  /** Adds a tool, or replaces the policy of one; its counts stay. Throws as {@link compilePolicy} does. */
  setPolicy(tool: string, options: PolicyOptions): void {
    this.#policies.set(tool, compilePolicy(options, this.#limits, `tool ${tool}`));
  }

  has(tool: string): boolean {
    return this.#policies.has(tool);
  }

  /** Calls that have no outcome yet. */
  get liveCalls(): ReadonlySet<Call> {
    return new Set(this.#live.keys());
  }

  /** Decides on a call. It comes back admitted, or settled: then `settled` has been told already. */
  submit(request: CallRequest, settled: SettledListener): Call {
    const policy = this.#policies.get(request.tool);
    const call: Call = {
      id: `${this.#idPrefix}-${++this.#lastCall}`,
      tool: request.tool,
      path: [...(request.parent?.path ?? []), request.tool],
      placement: request.debug ? "host" : (policy?.placement ?? "host"),
      timeoutMs: policy ? effectiveTimeout(policy, request) : null,
      withinMs: request.debug ? null : (request.withinMs ?? null),
      fingerprint: request.fingerprint,
      submittedAtMs: this.#clock.now(),
      state: { type: "submitted" },
    };
    if (!policy) {
      this.#live.set(call, { settled, reservation: undefined });
      this.#settle(
        call,
        undefined,
        this.#failed(call, "unknown-tool", 0, { detail: suggestNames(call.tool, this.#policies.keys()) }),
      );
      return call;
    }
    const admission = admit({
      tool: call.tool,
      policy,
      path: call.path,
      maxDepth: this.#limits.maxDepth,
      fingerprint: call.fingerprint,
      engineUsage: this.#usage,
      runUsage: request.run?.usage,
      history: request.run?.history(request.agent, request.task),
    });
    if (admission.type === "admitted") {
      this.#live.set(call, { settled, reservation: admission.reservation });
      this.#move(call, { type: "admit" });
    } else {
      this.#live.set(call, { settled, reservation: undefined });
      const { code, figures } = admission.rejection;
      this.#settle(call, undefined, this.#failed(call, code, 0, figures));
    }
    return call;
  }

  /** The body of an admitted call is about to run. @returns the attempt, or undefined if the call has ended meanwhile */
  start(call: Call): number | undefined {
    return this.#move(call, { type: "start" }) && call.state.type === "running" ? call.state.attempt : undefined;
  }

  /** An attempt ended. The late ending of a call that has its outcome is ignored. */
  end(call: Call, attempt: number | undefined, ending: Ending, value?: unknown): void {
    if (!acceptsEnding(call.state, attempt)) return;
    const notice = this.#live.get(call)?.reservation?.settle(ending) ?? null;
    const attempts = bodiesStarted(ending);
    if (ending.type === "returned" || ending.type === "answered") {
      const facts = this.#facts(call, attempts);
      this.#settle(
        call,
        attempt,
        Object.freeze({ status: "succeeded", ...facts, placement: call.placement, notice, value }),
      );
    } else {
      const [code, figures] = describeEnding(ending, call.timeoutMs);
      this.#settle(call, attempt, this.#failed(call, code, attempts, figures, notice));
    }
  }

  #settle(call: Call, attempt: number | undefined, outcome: Outcome): void {
    const live = this.#live.get(call);
    const event =
      attempt === undefined ? ({ type: "settle", outcome } as const) : ({ type: "settle", attempt, outcome } as const);
    if (!live || !this.#move(call, event)) return;
    this.#live.delete(call);
    live.settled(outcome, call);
  }

  #move(call: Call, event: CallEvent): boolean {
    const before = call.state;
    call.state = transition(before, event);
    return call.state !== before;
  }

  #facts(call: Call, attempts: number): CallFacts {
    const elapsedMs = Math.round((this.#clock.now() - call.submittedAtMs) * 1_000) / 1_000;
    return { callId: call.id, tool: call.tool, path: call.path, elapsedMs, attempts };
  }

  #failed(call: Call, code: Code, attempts: number, figures: FailureFigures, notice: string | null = null): Outcome {
    return failureOutcome(code, this.#facts(call, attempts), call.placement, figures, notice);
  }
}

function effectiveTimeout(policy: Policy, request: CallRequest): number | null {
  if (request.debug) return null;
  const timeoutMs = request.timeoutMs === undefined ? policy.timeoutMs : request.timeoutMs;
  if (request.withinMs === undefined) return timeoutMs;
  // A caller whose time is over still gives the body an instant, and an outcome that says what happened.
  return Math.min(timeoutMs ?? Number.POSITIVE_INFINITY, Math.max(1, request.withinMs));
}

function bodiesStarted(ending: Ending): number {
  switch (ending.type) {
    case "returned":
    case "raised":
    case "expired":
    case "crashed":
    case "over-quota":
      return 1;
    case "cannot-move":
    case "too-large":
    case "cancelled":
      return ending.started ? 1 : 0;
    default:
      return 0;
  }
}
