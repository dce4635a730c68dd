import { channel } from "node:diagnostics_channel";
import type { EngineEvent } from "./engine-event.ts";

export type EventListener = (event: EngineEvent) => void;

/** Events of all engines of this process, for those who have no engine at hand: tracers, loggers. */
const CHANNEL = channel("endstop:event");

/** Events a reader may lag behind; past it the oldest are dropped, and `dropped` says how many. */
const MAX_BEHIND = 10_000;

/** The events of an engine: `on`, `for await`, or the diagnostics channel `endstop:event`. */
export class EventStream implements AsyncIterable<EngineEvent> {
  readonly #listeners = new Set<EventListener>();
  #dropped = 0;

  /** Whether anybody is told: if not, no event need be made. */
  get hasListeners(): boolean {
    return this.#listeners.size > 0 || CHANNEL.hasSubscribers;
  }

  /** Calls `listener` with each event from now on, before whatever follows from it. @returns how to stop that */
  on(listener: EventListener): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** Events that a slow `for await` has missed. */
  get dropped(): number {
    return this.#dropped;
  }

  /**
   * Tells everybody. A listener that throws does not keep an event from the others, nor an engine from its work: its error is
   * an uncaught exception, as with Node's own channels.
   */
  emit(event: EngineEvent): void {
    Object.freeze(event);
    for (const listener of this.#listeners) {
      try {
        listener(event);
      } catch (error) {
        process.nextTick(() => {
          throw error;
        });
      }
    }
    if (CHANNEL.hasSubscribers) CHANNEL.publish(event);
  }

  /** The events from the first read on, for ever; leaving the loop ends it. */
  async *[Symbol.asyncIterator](): AsyncGenerator<EngineEvent> {
    let behind: EngineEvent[] = [];
    let more = Promise.withResolvers<void>();
    const stop = this.on((event) => {
      if (behind.length >= MAX_BEHIND) {
        behind = behind.slice(MAX_BEHIND / 2);
        this.#dropped += MAX_BEHIND / 2;
      }
      behind.push(event);
      more.resolve();
    });
    try {
      for (;;) {
        const events = behind;
        behind = [];
        yield* events;
        if (behind.length > 0) continue;
        more = Promise.withResolvers();
        await more.promise;
      }
    } finally {
      stop();
    }
  }
}
