import type { Call } from "./call.ts";

/** `call`, if it has its outcome although its body may still run, as on the host past a deadline: such a body starts nothing more. */
export function ifGivenUp(call: Call | undefined): Call | undefined {
  if (call?.state.type !== "settled") return undefined;
  const { outcome } = call.state;
  if (outcome.status === "timed-out") return call;
  return outcome.status === "cancelled" && outcome.failure.body === "effect-unknown" ? call : undefined;
}
