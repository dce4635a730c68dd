/** How often in a row one call gave one and the same result. */
export interface Repetition {
  readonly digest: string;
  readonly times: number;
  readonly preview: string | null;
}

/** Distinct calls that one history remembers. */
const MAX_CALLS = 10_000;

/**
 * What the calls of one run, agent and task gave. Bounded: past 10,000 distinct calls it forgets the one that was
 * recorded longest ago, so a repetition slower than that is not seen.
 */
export class CallHistory {
  readonly #repetitions = new Map<string, Repetition>();

  /** The latest repetition of a call, or undefined if it has no result yet. */
  latest(fingerprint: string): Repetition | undefined {
    return this.#repetitions.get(fingerprint);
  }

  /** Records a result: the same as last time counts up, another starts at 1. */
  record(fingerprint: string, digest: string, preview: string | null): Repetition {
    const before = this.#repetitions.get(fingerprint);
    const repetition = { digest, preview, times: before?.digest === digest ? before.times + 1 : 1 };
    this.#repetitions.delete(fingerprint);
    this.#repetitions.set(fingerprint, repetition);
    if (this.#repetitions.size > MAX_CALLS) {
      for (const oldest of this.#repetitions.keys()) {
        this.#repetitions.delete(oldest);
        break;
      }
    }
    return repetition;
  }
}
