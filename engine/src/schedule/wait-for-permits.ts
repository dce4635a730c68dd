import type { Clock } from "../internal/clock.ts";
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
  const sinceMs = clock.now();
  const ticket = permits.request({
    ...request,
    granted: () => {
      timer?.cancel();
      request.granted();
    },
  });
  const timer =
    ticket.state.type === "waiting" && wait.limitMs !== null
      ? clock.setTimer(wait.limitMs, () => {
          if (ticket.state.type !== "waiting") return;
          permits.end(ticket);
          wait.expired(clock.now() - sinceMs);
        })
      : undefined;
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
