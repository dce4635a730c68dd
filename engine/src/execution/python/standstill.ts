import type { Clock, Timer } from "../../util/clock.ts";

/** How often a process that owes an answer is looked at: rarely enough to cost nothing, well before a caller gives up. */
const LOOK_EVERY_MS = 1_000;

/**
 * Notices that a process which owes answers is stopped (SIGSTOP): then none will come. One that computes, as in a long import,
 * is left alone. A process that is stopped at one look only may have been told to go on.
 */
export class Standstill {
  readonly #clock: Clock;
  readonly #isStopped: () => boolean;
  readonly #stoodStill: () => void;
  #owed = 0;
  #wasStopped = false;
  #timer: Timer | undefined;

  constructor(clock: Clock, isStopped: () => boolean, stoodStill: () => void) {
    this.#clock = clock;
    this.#isStopped = isStopped;
    this.#stoodStill = stoodStill;
  }

  asked(): void {
    this.#owed += 1;
    if (!this.#timer) this.#arm();
  }

  answered(): void {
    this.#owed -= 1;
    if (this.#owed === 0) this.close();
  }

  close(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#wasStopped = false;
  }

  #arm(): void {
    this.#timer = this.#clock.setTimer(LOOK_EVERY_MS, () => {
      const isStopped = this.#isStopped();
      if (isStopped && this.#wasStopped) {
        this.close();
        return this.#stoodStill();
      }
      this.#wasStopped = isStopped;
      this.#arm();
    });
  }
}
