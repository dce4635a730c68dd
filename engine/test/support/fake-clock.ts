import type { Clock, Timer } from "../../src/util/clock.ts";

interface Pending {
  readonly dueMs: number;
  readonly order: number;
  readonly fire: () => void;
}

/** A clock that stands still until a test moves it. */
export class FakeClock implements Clock {
  #nowMs = 1_000;
  #order = 0;
  readonly #pending = new Set<Pending>();
  readonly #unrefed = new WeakSet<Pending>();

  now(): number {
    return this.#nowMs;
  }

  /** Of the machine, whose clock may be at any other figure. */
  boot = "a";
  machineAheadMs = 5_000_000;

  machineNow(): { ms: number; boot: string } {
    return { ms: this.machineAheadMs + this.#nowMs, boot: this.boot };
  }

  setTimer(delayMs: number, fire: () => void): Timer {
    const pending = { dueMs: this.#nowMs + delayMs, order: ++this.#order, fire };
    this.#pending.add(pending);
    return { cancel: () => void this.#pending.delete(pending), unref: () => void this.#unrefed.add(pending) };
  }

  /** Timers that are set, have not fired, and would keep the process alive. */
  get pendingCount(): number {
    return [...this.#pending].filter((pending) => !this.#unrefed.has(pending)).length;
  }

  /** The others. */
  get unrefedCount(): number {
    return this.#pending.size - this.pendingCount;
  }

  /** Moves time on, firing what comes due in order; lets promises run in between. */
  async advance(byMs: number): Promise<void> {
    const untilMs = this.#nowMs + byMs;
    await settlePromises();
    for (let next = this.#next(untilMs); next; next = this.#next(untilMs)) {
      this.#nowMs = next.dueMs;
      this.#pending.delete(next);
      next.fire();
      await settlePromises();
    }
    this.#nowMs = untilMs;
  }

  /** Moves time on at once; fires nothing. */
  skip(byMs: number): void {
    this.#nowMs += byMs;
  }

  #next(untilMs: number): Pending | undefined {
    return [...this.#pending]
      .filter(({ dueMs }) => dueMs <= untilMs)
      .sort((a, b) => a.dueMs - b.dueMs || a.order - b.order)[0];
  }
}

/** Lets everything that is ready to run in promises run. */
export function settlePromises(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
