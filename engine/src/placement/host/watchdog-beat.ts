const BEATS = 0;
const IN_FLIGHT = 1;
const REPORTED = 2;
/** Whether the first part of a body runs, which is known exactly. */
const RUNNING = 3;
const RUNNING_BYTES = 4;
const NAMES_BYTES = 5;
const HEADER_BYTES = 24;
const MAX_TEXT_BYTES = 2_048;

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** What the event loop's thread and the watchdog's share: a count that goes on while the loop turns, and whom to name if it does not. */
export class Beat {
  readonly shared: SharedArrayBuffer;
  readonly #numbers: Int32Array;
  readonly #running: Uint8Array;
  readonly #names: Uint8Array;

  constructor(shared = new SharedArrayBuffer(HEADER_BYTES + 2 * MAX_TEXT_BYTES)) {
    this.shared = shared;
    this.#numbers = new Int32Array(shared, 0, HEADER_BYTES / 4);
    this.#running = new Uint8Array(shared, HEADER_BYTES, MAX_TEXT_BYTES);
    this.#names = new Uint8Array(shared, HEADER_BYTES + MAX_TEXT_BYTES);
  }

  /** The loop turned. */
  advance(): void {
    Atomics.add(this.#numbers, BEATS, 1);
  }

  /** So many calls are in flight, and these are the names of the first of them; undefined if they are as before. */
  watch(inFlight: number, names: readonly string[] | undefined): void {
    if (names) this.#write(NAMES_BYTES, this.#names, names.join(", "));
    const before = Atomics.exchange(this.#numbers, IN_FLIGHT, inFlight);
    if (before === 0 && inFlight > 0) Atomics.notify(this.#numbers, IN_FLIGHT);
  }

  /** The first part of this call's body runs; undefined: none does. */
  running(name: string | undefined): void {
    if (name !== undefined) this.#write(RUNNING_BYTES, this.#running, name);
    Atomics.store(this.#numbers, RUNNING, name === undefined ? 0 : 1);
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
      const inFlight = Atomics.load(this.#numbers, IN_FLIGHT);
      if (inFlight === 0 || Atomics.load(this.#numbers, BEATS) !== seen) continue;
      Atomics.store(this.#numbers, REPORTED, 1);
      if (Atomics.load(this.#numbers, RUNNING) === 1) return blameOne(this.#read(RUNNING_BYTES, this.#running));
      return blameOneOf(this.#read(NAMES_BYTES, this.#names).split(", "), inFlight);
    }
  }

  /** For the thread: returns when the loop turns again. */
  waitUntilFree(): void {
    const seen = Atomics.load(this.#numbers, BEATS);
    while (Atomics.load(this.#numbers, BEATS) === seen) this.#pause(100);
  }

  #write(length: number, area: Uint8Array, text: string): void {
    Atomics.store(this.#numbers, length, encoder.encodeInto(text, area).written);
  }

  #read(length: number, area: Uint8Array): string {
    return decoder.decode(area.slice(0, Atomics.load(this.#numbers, length)));
  }

  #pause(forMs: number): void {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, forMs);
  }
}

/** Named in a message. */
export const MOST_NAMES = 5;

export function blameOne(name: string): string {
  return `by ${name}`;
}

/** @param names of the first of them, at most {@link MOST_NAMES} */
export function blameOneOf(names: readonly string[], count: number): string {
  if (count === 1) return `while ${names[0]} was in flight`;
  const more = count > names.length ? ` or ${count - names.length} more` : "";
  return `while one of ${names.join(", ")}${more} was in flight`;
}
