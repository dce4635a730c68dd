import type { Clock, Timer } from "../util/clock.ts";

/** Long enough for an agent to think between two bursts of calls; a worker that none of them needed holds memory for nothing. */
export const SURPLUS_AFTER_MS = 60_000;

/**
 * How many idle workers beyond the reserve were not needed at any instant of a whole period. It looks at the fewest there were, so a
 * burst of calls ends none of the workers that the next one needs. One timer a period, none while there is no surplus.
 */
export class Surplus {
  readonly #clock: Clock;
  readonly #unneeded: (count: number) => void;
  #now = 0;
  #fewest = 0;
  #timer: Timer | undefined;

  /** @param unneeded called with how many have not been needed for a period, at least one */
  constructor(clock: Clock, unneeded: (count: number) => void) {
    this.#clock = clock;
    this.#unneeded = unneeded;
  }

  /** To be told whenever workers or calls come and go. */
  is(count: number): void {
    this.#now = count;
    if (count < this.#fewest) this.#fewest = count;
    if (count > 0 && !this.#timer) this.#begin();
  }

  close(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #begin(): void {
    this.#fewest = this.#now;
    this.#timer = this.#clock.setTimer(SURPLUS_AFTER_MS, () => {
      this.#timer = undefined;
      const unneeded = this.#fewest;
      if (this.#now > 0) this.#begin();
      if (unneeded > 0) this.#unneeded(unneeded);
    });
    this.#timer.unref?.();
  }
}
