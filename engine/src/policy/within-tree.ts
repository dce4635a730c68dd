import type { Policy } from "./policy.ts";

/** What bounds a whole tree of calls or its run, not one tool. */
const OF_THE_TREE = ["maxDepth", "budgetCalls", "budgetFailures", "budgetWallTimeMs", "budgetToolTimeMs"] as const;

/** The limits of a call that is made by another engine's body: of what bounds the whole tree, the narrower holds. */
export function withinTree(own: Policy, parent: Policy): Policy {
  const narrowed: Record<string, number | null> = {};
  for (const name of OF_THE_TREE) {
    const bounds = [own[name], parent[name]].filter((bound): bound is number => bound !== null);
    narrowed[name] = bounds.length === 0 ? null : Math.min(...bounds);
  }
  return Object.freeze({ ...own, ...narrowed });
}
