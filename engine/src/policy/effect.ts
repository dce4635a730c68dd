import type { Policy } from "./policy.ts";

/** What a second body with the same input would do: nothing, nothing more, or nobody knows. */
export type Effect = "none" | "once" | "each-time";

/** The effect of a tool with such a policy. Undeclared means that it may have one each time. */
export function effectOf({ readOnly, idempotent }: Pick<Policy, "readOnly" | "idempotent">): Effect {
  if (readOnly) return "none";
  return idempotent ? "once" : "each-time";
}

/** Whether a second body does no harm. */
export function isRepeatable(effect: Effect): boolean {
  return effect !== "each-time";
}
