import type { EngineEvent } from "./engine-event.ts";

/** Events a reader may lag behind; past it the oldest are dropped. */
const MAX_BEHIND = 10_000;

interface Source {
  /** Begins to push. @returns how to stop that */
  start(reader: EventReader): (() => void) | undefined;
}

/**
 * One `for await` over events. Not an asynchronous generator: the `return` of one waits for the read before it, which may wait for ever.
 */
export class EventReader implements AsyncIterableIterator<EngineEvent, undefined> {
  readonly #source: Source;
  readonly #waiting: ((result: IteratorResult<EngineEvent, undefined>) => void)[] = [];
  #behind: EngineEvent[] = [];
  #next = 0;
  #stop: (() => void) | undefined;
  #state: "new" | "open" | "closed" = "new";

  constructor(source: Source) {
    this.#source = source;
  }

  /** @returns how many it has dropped for it */
  push(event: EngineEvent): number {
    const waiting = this.#waiting.shift();
    if (waiting) {
      waiting({ done: false, value: event });
      return 0;
    }
    this.#behind.push(event);
    if (this.#behind.length - this.#next <= MAX_BEHIND) return 0;
    this.#next += MAX_BEHIND / 2;
    this.#tidy();
    return MAX_BEHIND / 2;
  }

  next(): Promise<IteratorResult<EngineEvent, undefined>> {
    if (this.#state === "new") {
      this.#state = "open";
      this.#stop = this.#source.start(this);
    }
    const event = this.#behind[this.#next];
    if (event) {
      this.#next += 1;
      this.#tidy();
      return Promise.resolve({ done: false, value: event });
    }
    if (this.#state === "closed") return Promise.resolve({ done: true, value: undefined });
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** Nothing is pushed any more: it ends when it has given what it has. */
  close(): void {
    this.#state = "closed";
    this.#stop?.();
    this.#stop = undefined;
    for (const waiting of this.#waiting.splice(0)) waiting({ done: true, value: undefined });
  }

  /** The loop was left. */
  async return(): Promise<IteratorResult<EngineEvent, undefined>> {
    this.#behind = [];
    this.#next = 0;
    this.close();
    return { done: true, value: undefined };
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  /** What has been read is let go, not one by one: to shift a long array costs its length. */
  #tidy(): void {
    if (this.#next < this.#behind.length && this.#next < MAX_BEHIND / 2) return;
    this.#behind = this.#behind.slice(this.#next);
    this.#next = 0;
  }
}
