import type { Clock, Timer } from "../internal/clock.ts";
import type { Ticket } from "./lane.ts";
import type { PermitRequest, Permits } from "./permits.ts";

export interface WaitOptions {
  /** How long the call may wait for its permits; the clock starts now. Null is no limit. */
  readonly limitMs: number | null;
  /** Told once if the limit passed first: the call has left the queue, its body was not started. */
  readonly expired: (waitedMs: number) => void;
}

/** Requests permits and bounds the wait for them. */
export function waitForPermits(permits: Permits, request: PermitRequest, wait: WaitOptions, clock: Clock): Waiting {
  const { need, run, parent } = request;
  let timer: Timer | undefined;
  const granted = (): void => {
    timer?.cancel();
    request.granted();
  };
  const ticket = permits.request({ need, run, parent, granted });
  const { limitMs } = wait;
  if (ticket.state.type === "waiting" && limitMs !== null) {
    const sinceMs = clock.now();
    timer = clock.setTimer(limitMs, () => {
      if (ticket.state.type !== "waiting") return;
      permits.end(ticket);
      wait.expired(clock.now() - sinceMs);
    });
  }
  return {
    ticket,
    end: () => {
      timer?.cancel();
      permits.end(ticket);
    },
  };
}

/** A call's claim to its permits. */
export interface Waiting {
  readonly ticket: Ticket;
  /** Ends the claim, whatever its state. Again does nothing. */
  end(): void;
}
