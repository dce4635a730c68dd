import type { Ending } from "../call/ending.ts";
import type { Call } from "../state/call.ts";
import type { Clock, Timer } from "../util/clock.ts";

interface Behind {
  /** The id of the call that this one repeats. */
  readonly first: string;
  readonly decide: () => void;
  readonly timer: Timer | undefined;
  /** What its door wants to do once it is admitted. */
  claim: (() => void) | undefined;
}

/**
 * Calls that repeat one under way, and wait for its ending: nothing is decided on them before, so that they count for nothing.
 */
export class CallsBehind {
  readonly #clock: Clock;
  readonly #behind = new Map<Call, Behind>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get size(): number {
    return this.#behind.size;
  }

  /**
   * @param decide told when the first one has ended
   * @param expired told when the call has waited as long as it may: for its timeout, its caller's time, or `waitTimeout`
   */
  add(call: Call, first: string, decide: () => void, expired: (ending: Ending) => void): void {
    const bounds = [call.timeoutMs, call.withinMs, call.policy?.waitTimeoutMs ?? null].filter((ms) => ms !== null);
    const sinceMs = call.submittedAtMs;
    const limitMs = Math.min(...bounds);
    const leftMs = Math.max(1, sinceMs + limitMs - this.#clock.now());
    const waitedFor = "the result of the same call, which is under way,";
    const expire = (): void =>
      expired({ type: "not-started", waitedMs: this.#clock.now() - sinceMs, limitMs, waitedFor });
    const timer = Number.isFinite(limitMs) ? this.#clock.setTimer(leftMs, expire) : undefined;
    this.#behind.set(call, { first, decide, timer, claim: this.#behind.get(call)?.claim });
  }

  /** @returns whether the call waits: then `claim` is told when it is admitted */
  holds(call: Call, claim: () => void): boolean {
    const behind = this.#behind.get(call);
    if (behind) behind.claim = claim;
    return behind !== undefined;
  }

  /** A call has its outcome: it waits no more, and those that waited for it are decided on, in their order. */
  ended(call: Call): void {
    if (this.#behind.size === 0) return;
    this.#behind.get(call)?.timer?.cancel();
    this.#behind.delete(call);
    for (const [other, { first, decide, timer }] of [...this.#behind]) {
      if (first !== call.id || !this.#behind.has(other)) continue;
      timer?.cancel();
      decide();
      this.#release(other, first);
    }
  }

  /** Unless it has come to wait for another one. */
  #release(call: Call, first: string): void {
    const behind = this.#behind.get(call);
    if (behind?.first !== first) return;
    this.#behind.delete(call);
    if (call.state.type === "admitted") behind.claim?.();
  }
}
