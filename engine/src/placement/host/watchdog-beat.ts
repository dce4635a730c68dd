const BEATS = 0;
const IN_FLIGHT = 1;
const REPORTED = 2;
const TEXT_BYTES = 3;
const HEADER_BYTES = 16;
const MAX_TEXT_BYTES = 2_048;

/** What the event loop's thread and the watchdog's share: a count that goes on while the loop turns, and whom to name if it does not. */
export class Beat {
  readonly shared: SharedArrayBuffer;
  readonly #numbers: Int32Array;
  readonly #text: Uint8Array;

  constructor(shared = new SharedArrayBuffer(HEADER_BYTES + MAX_TEXT_BYTES)) {
    this.shared = shared;
    this.#numbers = new Int32Array(shared, 0, HEADER_BYTES / 4);
    this.#text = new Uint8Array(shared, HEADER_BYTES);
  }

  /** The loop turned. */
  advance(): void {
    Atomics.add(this.#numbers, BEATS, 1);
  }

  /** @param suspects whom to name if the loop stops turning now */
  watch(inFlight: number, suspects: string): void {
    const { written } = new TextEncoder().encodeInto(suspects, this.#text);
    Atomics.store(this.#numbers, TEXT_BYTES, written);
    const before = Atomics.exchange(this.#numbers, IN_FLIGHT, inFlight);
    if (before === 0 && inFlight > 0) Atomics.notify(this.#numbers, IN_FLIGHT);
  }

  /** @returns whether the thread has reported the blocking that has just ended; once */
  wasReported(): boolean {
    return Atomics.exchange(this.#numbers, REPORTED, 0) === 1;
  }

  /** For the thread: returns, with whom to name, when calls are in flight and the loop has not turned for so long. Waits for ever else. */
  waitUntilBlocked(forMs: number): string {
    for (;;) {
      Atomics.wait(this.#numbers, IN_FLIGHT, 0);
      const seen = Atomics.load(this.#numbers, BEATS);
      this.#pause(forMs);
      if (Atomics.load(this.#numbers, IN_FLIGHT) === 0 || Atomics.load(this.#numbers, BEATS) !== seen) continue;
      Atomics.store(this.#numbers, REPORTED, 1);
      const bytes = this.#text.slice(0, Atomics.load(this.#numbers, TEXT_BYTES));
      return new TextDecoder().decode(bytes);
    }
  }

  /** For the thread: returns when the loop turns again. */
  waitUntilFree(): void {
    const seen = Atomics.load(this.#numbers, BEATS);
    while (Atomics.load(this.#numbers, BEATS) === seen) this.#pause(100);
  }

  #pause(forMs: number): void {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, forMs);
  }
}
