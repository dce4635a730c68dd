import type { Ending } from "../call/ending.ts";
import type { Policy } from "../policy/policy.ts";
import type { Call } from "../state/call.ts";
import type { CachedResult } from "../state/result-cache.ts";
import type { Clock, Timer } from "../util/clock.ts";
import { type Flight, SingleFlight } from "./single-flight.ts";

/** What becomes of a call that waits for an identical one; one of them is told, once, unless the call ends before. */
export interface FollowerListener {
  /** Its own body is to run after all. */
  lead(): void;
  answer(result: CachedResult): void;
  end(ending: Ending): void;
}

interface Passenger {
  readonly call: Call;
  readonly policy: Policy;
  readonly listener: FollowerListener;
  readonly joinedAtMs: number;
  flight: Flight<Passenger> | undefined;
  leads: boolean;
  timer: Timer | undefined;
}

/**
 * Calls of cached tools with one and the same input share one body: the first runs it, the others wait for what comes of it.
 * If that is the first one's own affair (it was cancelled, did not get its turn, had a shorter deadline), the next one runs its body.
 */
export class Flights {
  readonly #clock: Clock;
  readonly #flights = new SingleFlight<Passenger>();
  readonly #passengers = new Map<Call, Passenger>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** @returns whether the call waits for another; if not, its body is to run now */
  join(call: Call, policy: Policy, listener: FollowerListener): boolean {
    // A nested call could wait for one that waits for the permits of its own parent.
    if (call.fingerprint === null || call.parent || call.debug || policy.mode === "observe") return false;
    const joinedAtMs = this.#clock.now();
    const passenger = { call, policy, listener, joinedAtMs, flight: undefined, leads: false, timer: undefined };
    this.#passengers.set(call, passenger);
    return this.#board(passenger, call.fingerprint);
  }

  /** The body of a call begins: from now on its followers wait as long as their own bodies could take. */
  begun(call: Call): void {
    const passenger = this.#passengers.get(call);
    if (passenger?.leads)
      for (const other of passenger.flight?.callers ?? []) if (other !== passenger) this.#arm(other);
  }

  /** A call has ended. `result`: of a body that returned, if it could be kept. */
  ended(call: Call, ending: Ending, result: CachedResult | undefined): void {
    const passenger = this.#passengers.get(call);
    const { flight } = passenger ?? {};
    if (!passenger || !flight) return;
    this.#forget(passenger);
    if (!passenger.leads) {
      this.#flights.leave(flight, passenger);
      return;
    }
    for (const follower of this.#flights.land(flight)) {
      // One that was told before may have ended this one.
      if (!this.#passengers.has(follower.call)) continue;
      follower.timer?.cancel();
      if (result) follower.listener.answer(result);
      else if (ending.type === "returned") this.#goAlone(follower);
      else if (isShared(ending, call, follower.call)) follower.listener.end({ type: "shared", ending });
      else if (!this.#board(follower, flight.key)) follower.listener.lead();
    }
  }

  #board(passenger: Passenger, key: string): boolean {
    const { flight, leads } = this.#flights.join(key, passenger);
    passenger.flight = flight;
    passenger.leads = leads;
    if (!leads) this.#arm(passenger);
    return !leads;
  }

  /** A result that cannot be kept cannot be shared either: nobody waits for the next one. */
  #goAlone(follower: Passenger): void {
    this.#forget(follower);
    follower.listener.lead();
  }

  #arm(follower: Passenger): void {
    follower.timer?.cancel();
    const { call, policy, listener, joinedAtMs } = follower;
    const [leader] = follower.flight?.callers ?? [];
    const own = leader?.call.startedAtMs === undefined ? policy.waitTimeoutMs : call.timeoutMs;
    const nowMs = this.#clock.now();
    const left = call.withinMs === null ? Number.POSITIVE_INFINITY : call.withinMs - (nowMs - call.submittedAtMs);
    const limitMs = Math.max(1, Math.min(own ?? Number.POSITIVE_INFINITY, left));
    if (limitMs === Number.POSITIVE_INFINITY) return;
    follower.timer = this.#clock.setTimer(limitMs, () =>
      listener.end({ type: "not-started", waitedMs: this.#clock.now() - joinedAtMs, limitMs }),
    );
  }

  #forget(passenger: Passenger): void {
    passenger.timer?.cancel();
    this.#passengers.delete(passenger.call);
  }
}

/** Whether an ending says something of every body with this input, not only of the call that ran it. */
function isShared(ending: Ending, leader: Call, follower: Call): boolean {
  switch (ending.type) {
    case "raised":
    case "crashed":
    case "over-quota":
    case "too-large":
    case "load-failed":
    case "cannot-move":
    case "invalid":
      return true;
    case "expired":
      // Who has more time may see it end.
      return follower.timeoutMs !== null && leader.timeoutMs !== null && follower.timeoutMs <= leader.timeoutMs;
    default:
      return false;
  }
}
