/** One attempt, and the callers that wait for it. The first of them started it. */
export interface Flight<Caller> {
  readonly key: string;
  readonly callers: Set<Caller>;
}

/**
 * Identical calls in flight share one attempt. A caller that leaves takes nothing from the others: the attempt is theirs, and
 * is to be aborted only when the last has left.
 *
 * Only calls that no body makes may join: a nested call could wait for an attempt that waits for the permits of its own
 * parent, and no one would see that knot.
 */
export class SingleFlight<Caller> {
  readonly #flights = new Map<string, Flight<Caller>>();

  /** Joins the flight of this key. `leads`: there was none, and the caller starts the attempt. */
  join(key: string, caller: Caller): { readonly flight: Flight<Caller>; readonly leads: boolean } {
    const under = this.#flights.get(key);
    const flight = under ?? { key, callers: new Set<Caller>() };
    if (!under) this.#flights.set(key, flight);
    flight.callers.add(caller);
    return { flight, leads: !under };
  }

  /**
   * A caller does not wait any more.
   *
   * @returns whether it was the last: the attempt is for nobody now, abort it. The next such call starts another.
   */
  leave(flight: Flight<Caller>, caller: Caller): boolean {
    const wasLast = flight.callers.delete(caller) && flight.callers.size === 0;
    if (wasLast) this.#forget(flight);
    return wasLast;
  }

  /** The attempt ended. @returns whom to tell, in the order in which they joined; nobody the second time */
  land(flight: Flight<Caller>): readonly Caller[] {
    const callers = [...flight.callers];
    flight.callers.clear();
    this.#forget(flight);
    return callers;
  }

  /** Flights under way. */
  get size(): number {
    return this.#flights.size;
  }

  #forget(flight: Flight<Caller>): void {
    // An abandoned flight may land late, when another with its key is under way.
    if (this.#flights.get(flight.key) === flight) this.#flights.delete(flight.key);
  }
}
