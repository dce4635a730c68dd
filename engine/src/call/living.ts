import type { Call } from "./call.ts";

/** The nearest call without an outcome, of `call` and those whose bodies made it: a call that has ended is no ancestor of what its left-over timers do. */
export function inFlight(call: Call | undefined): Call | undefined {
  let nearest = call;
  while (nearest?.state.type === "settled") nearest = nearest.parent;
  return nearest;
}

/** `call`, if it has its outcome although its body may still run, as on the host past a deadline: such a body starts nothing more. */
export function ifGivenUp(call: Call | undefined): Call | undefined {
  if (call?.state.type !== "settled") return undefined;
  const { outcome } = call.state;
  if (outcome.status === "timed-out") return call;
  return outcome.status === "cancelled" && outcome.failure.body === "effect-unknown" ? call : undefined;
}
