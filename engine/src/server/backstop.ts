import type { Call } from "../state/call.ts";
import type { Clock } from "../util/clock.ts";
import { Deadlines } from "../util/deadlines.ts";

/** After the deadline of a body and the grace of its cancel, its host has this long to say how it ended. */
export const HOST_GRACE_MS = 2_000;
/** Where a framework stands between admission and body, a body that comes this much later is announced by `waits`. */
export const FRAMEWORK_GRACE_MS = 10_000;

interface Awaited {
  readonly silent: (observedMs: number) => void;
  readonly armedAtMs: number;
  dueMs: number;
  callOff: () => void;
  /** Since when a person is being waited for: so long its deadline stands still; and how many wait. */
  pausedAtMs: number;
  pauses: number;
}

/**
 * Hosts hold the deadlines of the bodies that they run. This ends the call of one that has gone silent: its event loop was closed,
 * its thread hangs where nobody sees it. Nothing is known of its effect then, and what it held goes to others.
 */
export class Backstop {
  readonly #clock: Clock;
  readonly #deadlines: Deadlines;
  readonly #awaited = new Map<Call, Awaited>();

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#deadlines = new Deadlines(clock);
  }

  /** From now on. @param silent is told how long nothing was heard, once, unless something comes first */
  await(call: Call, withinMs: number, silent: (observedMs: number) => void): void {
    const nowMs = this.#clock.now();
    const dueMs = nowMs + withinMs;
    const awaited = { silent, armedAtMs: nowMs, dueMs, callOff: () => {}, pausedAtMs: 0, pauses: 0 };
    this.heard(call);
    this.#awaited.set(call, awaited);
    this.#arm(call, awaited);
  }

  /** Its body has ended, or the call has its outcome. */
  heard(call: Call): void {
    this.#awaited.get(call)?.callOff();
    this.#awaited.delete(call);
  }

  /** The body waits for a person, and so do those that wait for its call, up to `below`: who asks has no say about that one. */
  pause(call: Call, below?: Call): void {
    for (const [, each] of this.#entries(call, below)) {
      if (each.pauses++ > 0) continue;
      each.callOff();
      each.pausedAtMs = this.#clock.now();
    }
  }

  resume(call: Call, below?: Call): void {
    for (const [waiting, each] of this.#entries(call, below)) {
      if (each.pauses === 0 || --each.pauses > 0) continue;
      each.dueMs += this.#clock.now() - each.pausedAtMs;
      this.#arm(waiting, each);
    }
  }

  #arm(call: Call, awaited: Awaited): void {
    awaited.callOff = this.#deadlines.setAt(awaited.dueMs, () => {
      this.#awaited.delete(call);
      awaited.silent(this.#clock.now() - awaited.armedAtMs);
    });
  }

  *#entries(call: Call, below: Call | undefined): Iterable<[Call, Awaited]> {
    for (let each: Call | undefined = call; each && each !== below; each = each.parent) {
      const awaited = this.#awaited.get(each);
      if (awaited) yield [each, awaited];
    }
  }
}
