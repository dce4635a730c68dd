import type { Clock, Timer } from "./clock.ts";

interface Deadline {
  readonly dueMs: number;
  readonly fire: () => void;
}

/**
 * Deadlines that are mostly called off long before they pass. One timer serves them all, set for the earliest; a call-off leaves it
 * alone, so that a call with a deadline costs no timer of its own.
 */
export class Deadlines {
  readonly #clock: Clock;
  readonly #pending = new Set<Deadline>();
  #timer: { readonly dueMs: number; readonly timer: Timer } | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Calls `fire` once, `delayMs` from now or later. @returns what calls it off; done twice, or after it fired, it does nothing */
  set(delayMs: number, fire: () => void): () => void {
    return this.setAt(this.#clock.now() + delayMs, fire);
  }

  /** The same at an instant of the clock, or soon if that has passed. */
  setAt(dueMs: number, fire: () => void): () => void {
    const deadline = { dueMs, fire };
    this.#pending.add(deadline);
    this.#arm(deadline.dueMs);
    return () => void this.#pending.delete(deadline);
  }

  /** Calls off all of them. */
  close(): void {
    this.#pending.clear();
    this.#timer?.timer.cancel();
    this.#timer = undefined;
  }

  #arm(dueMs: number): void {
    if (this.#timer && this.#timer.dueMs <= dueMs) return;
    this.#timer?.timer.cancel();
    const timer = this.#clock.setTimer(Math.max(0, dueMs - this.#clock.now()), () => this.#tick());
    this.#timer = { dueMs, timer };
  }

  #tick(): void {
    this.#timer = undefined;
    const nowMs = this.#clock.now();
    // What fires may set others, and call others off.
    for (const deadline of [...this.#pending])
      if (deadline.dueMs <= nowMs && this.#pending.delete(deadline)) deadline.fire();
    let soonestMs = Number.POSITIVE_INFINITY;
    for (const { dueMs } of this.#pending) soonestMs = Math.min(soonestMs, dueMs);
    if (soonestMs < Number.POSITIVE_INFINITY) this.#arm(soonestMs);
  }
}
