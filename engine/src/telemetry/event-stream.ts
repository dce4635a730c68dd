import { AsyncResource } from "node:async_hooks";
import { channel } from "node:diagnostics_channel";
import { show } from "../util/duration.ts";
import type { EngineEvent } from "./engine-event.ts";
import { EventReader } from "./event-reader.ts";

export type EventListener = (event: EngineEvent) => void;

/** Events of all engines of this process, for those who have no engine at hand: tracers, loggers. */
const CHANNEL = channel("endstop:event");

/** The events of an engine: `on`, `for await`, or the diagnostics channel `endstop:event`. */
export class EventStream implements AsyncIterable<EngineEvent> {
  readonly #listeners = new Set<EventListener>();
  readonly #readers = new Set<EventReader>();
  #dropped = 0;
  #isClosed = false;

  /** Whether anybody is told: if not, no event need be made. */
  get hasListeners(): boolean {
    return this.#listeners.size > 0 || CHANNEL.hasSubscribers;
  }

  /**
   * Calls `listener` with each event from now on, before whatever follows from it, in the asynchronous context of now: what it calls belongs to no call
   * whose event it hears. @returns how to stop that. @throws TypeError for what is no function
   */
  on(listener: EventListener): () => void {
    if (typeof listener !== "function") throw new TypeError(`a listener must be a function, got ${show(listener)}`);
    const own = new AsyncResource("EndstopListener");
    const told: EventListener = (event) => own.runInAsyncScope(listener, undefined, event);
    this.#listeners.add(told);
    return () => void this.#listeners.delete(told);
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

  /** No event follows: every `for await` ends when it has read what it is behind. */
  close(): void {
    this.#isClosed = true;
    for (const reader of this.#readers) reader.close();
  }

  /** The events from the first read on, until the engine is closed; leaving the loop ends it. */
  [Symbol.asyncIterator](): AsyncIterableIterator<EngineEvent, undefined> {
    return new EventReader({
      start: (reader) => {
        if (this.#isClosed) {
          reader.close();
          return undefined;
        }
        this.#readers.add(reader);
        const stop = this.on((event) => {
          this.#dropped += reader.push(event);
        });
        return () => {
          stop();
          this.#readers.delete(reader);
        };
      },
    });
  }
}
