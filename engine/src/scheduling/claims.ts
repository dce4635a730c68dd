import type { Ending } from "../call/ending.ts";
import type { Policies, Policy } from "../policy/policy.ts";
import type { Call } from "../state/call.ts";
import type { Clock } from "../util/clock.ts";
import type { Need } from "./cap.ts";
import type { Ticket } from "./lane.ts";
import { type PermitCount, type PermitRequest, Permits } from "./permits.ts";
import { type Waiting, type WaitOptions, waitForPermits } from "./wait-for-permits.ts";

/** What becomes of a claim; one of the two is told, once, unless the call ends before. */
export interface ClaimListener {
  /** The call has its permits: its body may start. */
  begin(): void;
  /** It will not get them. */
  fail(ending: Ending): void;
}

/** Calls that may run at once however short things are: a crew with a few tools does not notice. */
const FEWEST = 4;

/** What a call asks for. */
class Asked implements PermitRequest, WaitOptions {
  readonly need: Need;
  readonly run: unknown;
  readonly parent: Ticket | undefined;
  readonly limitMs: number | null;
  readonly #listener: ClaimListener;

  constructor(need: Need, run: unknown, parent: Ticket | undefined, limitMs: number | null, listener: ClaimListener) {
    this.need = need;
    this.run = run;
    this.parent = parent;
    this.limitMs = limitMs;
    this.#listener = listener;
  }

  granted(): void {
    this.#listener.begin();
  }

  expired(waitedMs: number): void {
    this.#listener.fail({ type: "not-started", waitedMs, limitMs: this.limitMs ?? waitedMs });
  }
}

/** The permits of an engine's calls: from the admission of a call until it has its outcome. */
export class Claims {
  readonly #permits: Permits;
  readonly #clock: Clock;
  readonly #needs = new WeakMap<Policy, Need>();
  readonly #claims = new Map<Call, Waiting>();
  readonly #limit: number | null;
  /** While fewer calls than configured may run: which fraction, and of how many. Where nothing is configured those are all that have wanted to run at once since. */
  #lowered: { readonly from: number; readonly fraction: number } | undefined;

  /** @throws RangeError as {@link Permits} does */
  constructor({ engine, resources }: Policies, clock: Clock) {
    this.#limit = engine.maxTotalConcurrent;
    this.#permits = new Permits({ maxConcurrent: engine.maxTotalConcurrent, resources });
    this.#clock = clock;
  }

  /** Calls that wait. */
  get waiting(): number {
    return this.#permits.waiting;
  }

  get permits(): Readonly<Record<string, PermitCount>> {
    return this.#permits.counts;
  }

  /** See {@link EngineCore.setConcurrency}. */
  setConcurrency(fraction: number, isForMemory: boolean): number | null | undefined {
    if (this.#limit === null && !this.#lowered && !isForMemory) return undefined;
    const wanted = Math.max(this.#lowered?.from ?? 0, this.#wanted);
    this.#lowered = fraction < 1 ? { from: this.#limit ?? wanted, fraction } : undefined;
    return this.#apply();
  }

  get #wanted(): number {
    return this.#permits.inUse + this.#permits.waiting;
  }

  #apply(): number | null {
    const lowered = this.#lowered && Math.max(FEWEST, Math.round(this.#lowered.from * this.#lowered.fraction));
    const limit = lowered === undefined ? this.#limit : Math.min(lowered, this.#limit ?? lowered);
    this.#permits.setMaxConcurrent(limit);
    return limit;
  }

  /** Another call wants to run. An engine that had little to do when it was lowered does not stay with a fraction of that. */
  #grow(): void {
    const wanted = this.#wanted + 1;
    if (!this.#lowered || this.#limit !== null || wanted <= this.#lowered.from) return;
    this.#lowered = { ...this.#lowered, from: wanted };
    this.#apply();
  }

  /** A call asks for its permits. `begin` is told now if they are there. */
  take(call: Call, policy: Policy, listener: ClaimListener): void {
    if (policy.mode === "observe") return listener.begin();
    this.#grow();
    const parent = call.parent && this.#claims.get(call.parent)?.ticket;
    const asked = new Asked(this.#need(call.tool, policy), call.run, parent, this.#waitLimitMs(call, policy), listener);
    const claim = waitForPermits(this.#permits, asked, asked, this.#clock);
    this.#claims.set(call, claim);
    const { state } = claim.ticket;
    if (state.type === "granted") listener.begin();
    else if (state.type === "deadlocked") listener.fail({ type: "deadlocked", caps: state.caps });
  }

  /** The call has its outcome: it leaves the queue, or gives its permits back. */
  end(call: Call): void {
    const claim = this.#claims.get(call);
    if (!claim) return;
    this.#claims.delete(call);
    claim.end();
  }

  #need(tool: string, policy: Policy): Need {
    let need = this.#needs.get(policy);
    if (!need) {
      const { maxConcurrent, resources } = policy;
      need = this.#permits.need({ tool, maxConcurrent, resources });
      this.#needs.set(policy, need);
    }
    return need;
  }

  /** Its caller's own time bounds the wait, too. */
  #waitLimitMs({ withinMs, submittedAtMs }: Call, { waitTimeoutMs }: Policy): number | null {
    if (withinMs === null) return waitTimeoutMs;
    const leftMs = Math.max(1, withinMs - (this.#clock.now() - submittedAtMs));
    return waitTimeoutMs === null ? leftMs : Math.min(waitTimeoutMs, leftMs);
  }
}
