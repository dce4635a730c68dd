import type { Clock, Timer } from "./clock.ts";
import { Heap, type HeapItem } from "./heap.ts";
import { rethrowAlone } from "./rethrow-alone.ts";

/** One of them. `fire` is told once. */
export abstract class Deadline implements HeapItem {
  /** The instant at which it is due. */
  order = 0;
  heapIndex = -1;
  /** Of those due at one instant the one that was set first fires first. */
  number = 0;
  isCalledOff = false;
  abstract fire(): void;
}

class ToldDeadline extends Deadline {
  readonly fire: () => void;

  constructor(fire: () => void) {
    super();
    this.fire = fire;
  }
}

/**
 * Deadlines that are mostly called off long before they pass. One timer serves them all, set for the earliest; a call-off leaves it
 * alone, so that a call with a deadline costs no timer of its own.
 */
export class Deadlines {
  readonly #clock: Clock;
  readonly #pending = new Heap<Deadline>();
  #timer: { readonly dueMs: number; readonly timer: Timer } | undefined;
  #lastNumber = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Calls `fire` once, `delayMs` from now or later. @returns what calls it off; done twice, or after it fired, it does nothing */
  set(delayMs: number, fire: () => void): () => void {
    return this.setAt(this.#clock.now() + delayMs, fire);
  }

  /** The same at an instant of the clock, or soon if that has passed. */
  setAt(dueMs: number, fire: () => void): () => void {
    const deadline = new ToldDeadline(fire);
    this.add(deadline, dueMs);
    return () => this.callOff(deadline);
  }

  /** The same for an object of the caller's own: a hundred thousand of them are no more objects than that. */
  add(deadline: Deadline, dueMs: number): void {
    deadline.order = dueMs;
    deadline.number = ++this.#lastNumber;
    this.#pending.push(deadline);
    this.#arm(dueMs);
  }

  callOff(deadline: Deadline): void {
    deadline.isCalledOff = true;
    if (deadline.heapIndex >= 0) this.#pending.remove(deadline);
  }

  /** Calls off all of them. */
  close(): void {
    for (let each = this.#pending.pop(); each; each = this.#pending.pop()) each.isCalledOff = true;
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
    const due: Deadline[] = [];
    for (let first = this.#pending.peek(); first && first.order <= nowMs; first = this.#pending.peek()) {
      this.#pending.remove(first);
      due.push(first);
    }
    // What fires may set others, and call others off.
    for (const each of due.sort((a, b) => a.order - b.order || a.number - b.number)) {
      if (!each.isCalledOff) fireAlone(each);
    }
    const next = this.#pending.peek();
    if (next) this.#arm(next.order);
  }
}

/** What one of them throws is a defect that the process hears of; the others fire all the same. */
function fireAlone(deadline: Deadline): void {
  try {
    deadline.fire();
  } catch (error) {
    rethrowAlone(error);
  }
}
