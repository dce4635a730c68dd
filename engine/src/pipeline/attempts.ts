import { bodiesStarted, didNotStart, type Ending } from "../call/ending.ts";
import { hasRoomForRetry } from "../guards/admission.ts";
import { admissionRequest } from "../guards/admission-request.ts";
import { retryDelay, retryLimits } from "../guards/retry-delay.ts";
import type { Call } from "../state/call.ts";
import type { Clock, Timer } from "../util/clock.ts";
import type { Booked, Bookkeeping } from "./bookkeeping.ts";

interface Retried {
  /** Bodies of the attempts before this one. */
  bodies: number;
  /** Starts the next attempt; none for a call that was resumed and whose client has not asked again. */
  again: (() => void) | undefined;
  /** Until then. */
  timer: Timer | undefined;
}

/** Further attempts of the calls whose tools allow them. All of a call's attempts lie within its one timeout. */
export class Attempts {
  readonly #books: Bookkeeping;
  readonly #clock: Clock;
  readonly #random: () => number;
  readonly #calls = new Map<Call, Retried>();

  /** @param random from 0 to below 1 */
  constructor(books: Bookkeeping, clock: Clock, random: () => number) {
    this.#books = books;
    this.#clock = clock;
    this.#random = random;
  }

  /** A call of which these bodies were started before, by an engine that is lost. */
  resumed(call: Call, bodies: number): void {
    this.#calls.set(call, { bodies, again: undefined, timer: undefined });
  }

  /** An attempt is about to start. `again` starts the next. */
  begins(call: Call, again: () => void): void {
    const bodies = this.#calls.get(call)?.bodies ?? 0;
    this.#calls.set(call, { bodies, again, timer: undefined });
  }

  /**
   * How long to wait before another attempt, which is counted from now on; null if the call ends with this one.
   *
   * @param attempt the one that has ended
   */
  plan(call: Call, booked: Booked, attempt: number, ending: Ending): number | null {
    const { policy, placement } = call;
    const retried = this.#calls.get(call);
    if (!policy || !retried?.again) return null;
    const nowMs = this.#clock.now();
    const { effect } = booked.admitted;
    const delayMs = retryDelay(retryLimits(policy), { attempt, ending, effect, placement }, this.#random());
    if (delayMs === null) return null;
    const usedMs = nowMs - (call.startedAtMs ?? nowMs);
    if (call.timeoutMs !== null && usedMs + delayMs >= call.timeoutMs) return null;
    const started = !didNotStart(ending);
    const request = admissionRequest(call, policy, this.#books.usage.of(call.tool), nowMs);
    if (started && !hasRoomForRetry(request)) return null;
    this.#books.retry(call, booked, attempt + 1, started);
    retried.bodies += bodiesStarted(ending);
    return delayMs;
  }

  /** Bodies of the attempts before the present one. */
  bodiesBefore(call: Call): number {
    return this.#calls.get(call)?.bodies ?? 0;
  }

  /** Starts the next attempt after the delay. */
  wait(call: Call, delayMs: number): void {
    const retried = this.#calls.get(call);
    if (retried) retried.timer = this.#clock.setTimer(delayMs, () => retried.again?.());
  }

  /** The call has its outcome. @returns the bodies before its last attempt */
  ended(call: Call): number {
    const retried = this.#calls.get(call);
    if (!retried) return 0;
    retried.timer?.cancel();
    this.#calls.delete(call);
    return retried.bodies;
  }
}

/** What an ending of the last attempt says of the whole call, of which bodies ran before. */
export function overAllAttempts(ending: Ending, { startedAtMs }: Call, nowMs: number): Ending {
  if (ending.type === "cancelled" && ending.body === "not-started") return { ...ending, body: "stopped" };
  if (ending.type === "expired" && startedAtMs !== undefined) return { ...ending, observedMs: nowMs - startedAtMs };
  return ending;
}
