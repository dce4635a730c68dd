import type { Clock, Timer } from "../util/clock.ts";
import type { Ticket } from "./lane.ts";
import type { PermitRequest, Permits } from "./permits.ts";

export interface WaitOptions {
  /** How long the call may wait for its permits; the clock starts now. Null is no limit. */
  readonly limitMs: number | null;
  /** Told once if the limit passed first: the call has left the queue, its body was not started. */
  expired(waitedMs: number): void;
}

/** Requests permits and bounds the wait for them. */
export function waitForPermits(permits: Permits, request: PermitRequest, wait: WaitOptions, clock: Clock): Waiting {
  return new Waiting(permits, request, wait, clock);
}

/** A call's claim to its permits. It holds what the call asked for only while it waits. */
export class Waiting {
  readonly ticket: Ticket;
  readonly #permits: Permits;
  #request: PermitRequest | undefined;
  #timer: Timer | undefined;

  constructor(permits: Permits, request: PermitRequest, wait: WaitOptions, clock: Clock) {
    this.#permits = permits;
    this.ticket = permits.request(request);
    if (this.ticket.state.type !== "waiting") return;
    this.#request = request;
    this.ticket.asker = this;
    this.#bound(wait, clock);
  }

  granted(): void {
    const request = this.#request;
    this.#leave();
    request?.granted();
  }

  /** Ends the claim, whatever its state. Again does nothing. */
  end(): void {
    this.#leave();
    this.#permits.end(this.ticket);
  }

  #leave(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#request = undefined;
  }

  #bound(wait: WaitOptions, clock: Clock): void {
    if (wait.limitMs === null) return;
    const sinceMs = clock.now();
    this.#timer = clock.setTimer(wait.limitMs, () => {
      if (this.ticket.state.type !== "waiting") return;
      this.end();
      wait.expired(clock.now() - sinceMs);
    });
  }
}
