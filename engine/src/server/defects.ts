import type { Clock } from "../util/clock.ts";

/** More defects than this within the time: what the engine remembers is not to be trusted. */
const MAX_DEFECTS = 20;
const WITHIN_MS = 60_000;
const MAX_TEXT = 4_000;

/**
 * Errors that nobody caught. Each is told, and the engine goes on: it has ended at most the call it was about, and what counts is written
 * down before it takes effect. An engine that fails again and again ends, and the next one reads back what is written.
 */
export class Defects {
  readonly #clock: Clock;
  readonly #tell: (text: string) => void;
  readonly #giveUp: () => void;
  #latestMs: readonly number[] = [];

  /** @param giveUp called at each defect past the bound */
  constructor(clock: Clock, tell: (text: string) => void, giveUp: () => void) {
    this.#clock = clock;
    this.#tell = tell;
    this.#giveUp = giveUp;
  }

  happened(error: unknown): void {
    const nowMs = this.#clock.now();
    this.#latestMs = [...this.#latestMs.filter((atMs) => nowMs - atMs < WITHIN_MS), nowMs];
    const text = error instanceof Error && error.stack ? error.stack : String(error);
    const isTooMuch = this.#latestMs.length > MAX_DEFECTS;
    this.#tell(
      `endstop: an error in the engine, which ${isTooMuch ? "ends" : "goes on"}: ${text.slice(0, MAX_TEXT)}\n`,
    );
    if (isTooMuch) this.#giveUp();
  }
}
