/** Named in a message. */
export const MOST_NAMES = 5;
/** Where the name of the body whose first part runs stands, if it is none of those. */
export const OWN_PLACE = MOST_NAMES;

const BEATS = 0;
const IN_FLIGHT = 1;
const REPORTED = 2;
/** The place of the call, counted from 1, the first part of whose body runs: which is known exactly. */
const RUNNING = 3;
/** Of the name at each place; 0 where there is none. */
const NAME_BYTES = 4;
const PLACES = MOST_NAMES + 1;
const HEADER_BYTES = (NAME_BYTES + PLACES) * 4;
const MAX_NAME_BYTES = 512;

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** What the event loop's thread and the watchdog's share: a count that goes on while the loop turns, and whom to name if it does not. */
export class Beat {
  readonly shared: SharedArrayBuffer;
  readonly #numbers: Int32Array;
  readonly #names: readonly Uint8Array[];

  constructor(shared = new SharedArrayBuffer(HEADER_BYTES + PLACES * MAX_NAME_BYTES)) {
    this.shared = shared;
    this.#numbers = new Int32Array(shared, 0, HEADER_BYTES / 4);
    this.#names = Array.from(
      { length: PLACES },
      (_, place) => new Uint8Array(shared, HEADER_BYTES + place * MAX_NAME_BYTES, MAX_NAME_BYTES),
    );
  }

  /** The loop turned. */
  advance(): void {
    Atomics.add(this.#numbers, BEATS, 1);
  }

  watch(inFlight: number): void {
    const before = Atomics.exchange(this.#numbers, IN_FLIGHT, inFlight);
    if (before === 0 && inFlight > 0) Atomics.notify(this.#numbers, IN_FLIGHT);
  }

  /** Who is named at a place; undefined is nobody. */
  name(place: number, name: string | undefined): void {
    const bytes = name === undefined ? 0 : write(name, this.#names[place] as Uint8Array);
    Atomics.store(this.#numbers, NAME_BYTES + place, bytes);
  }

  /** The first part of the body of the call at this place runs; undefined: none does. */
  running(place: number | undefined): void {
    Atomics.store(this.#numbers, RUNNING, place === undefined ? 0 : place + 1);
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
      const running = Atomics.load(this.#numbers, RUNNING);
      if (running > 0) return blameOne(this.#read(running - 1));
      const names = Array.from({ length: MOST_NAMES }, (_, place) => this.#read(place));
      return blameOneOf(
        names.filter((name) => name !== ""),
        inFlight,
      );
    }
  }

  /** For the thread: returns when the loop turns again. */
  waitUntilFree(): void {
    const seen = Atomics.load(this.#numbers, BEATS);
    while (Atomics.load(this.#numbers, BEATS) === seen) this.#pause(100);
  }

  #read(place: number): string {
    const bytes = Atomics.load(this.#numbers, NAME_BYTES + place);
    return decoder.decode((this.#names[place] as Uint8Array).slice(0, bytes));
  }

  #pause(forMs: number): void {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, forMs);
  }
}

/** The encoder costs more than a short name, and a name is written for each call. @returns how many bytes it has */
function write(name: string, into: Uint8Array): number {
  if (name.length > MAX_NAME_BYTES) return encoder.encodeInto(name, into).written;
  for (let index = 0; index < name.length; index++) {
    const code = name.charCodeAt(index);
    if (code > 127) return encoder.encodeInto(name, into).written;
    into[index] = code;
  }
  return name.length;
}

export function blameOne(name: string): string {
  return `by ${name}`;
}

/** @param names of the first of them, at most {@link MOST_NAMES} */
export function blameOneOf(names: readonly string[], count: number): string {
  if (count === 1) return `while ${names[0]} was in flight`;
  const more = count > names.length ? ` or ${count - names.length} more` : "";
  return `while one of ${names.join(", ")}${more} was in flight`;
}
